"""What a viewer knows and how it reads, free of any toolkit: shared by the dashboard and the line interface."""
