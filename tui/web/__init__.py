"""Dashboard in a browser: the pages' server and who may open one."""
