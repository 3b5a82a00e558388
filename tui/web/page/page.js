// Prepares the page for Textual's script, which builds the terminal when the window has loaded.
"use strict";

const terminal = document.getElementById("terminal");
// Relative to the page's own address, which is another one behind a proxy.
terminal.dataset.sessionWebsocketUrl = new URL("ws", location.href.split("?")[0]).href.replace(/^http/, "ws");
terminal.dataset.fontSize = new URLSearchParams(location.search).get("fontsize") ?? "16";

// The terminal measures its cells once, so the font has to be there before it.
const start = window.onload;
window.onload = async (event) => {
  await Promise.allSettled(["", "bold ", "italic "].map((style) => document.fonts.load(`${style}16px "Roboto Mono"`)));
  start(event);
};

const again = document.getElementById("again");
again.onclick = () => location.reload();

new MutationObserver(() => {
  if (document.body.classList.contains("-closed")) again.focus();
  else if (document.body.classList.contains("-loaded")) terminal.querySelector("textarea").focus();
}).observe(document.body, { attributeFilter: ["class"] });
