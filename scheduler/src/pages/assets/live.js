// Keeps a page up to date. The server sends the content of this page again
// whenever it has changed; each part that differs is replaced. What the reader has
// opened, chosen or typed stays. Lines of a log are sent once and appended.
"use strict";

(() => {
  const log = document.getElementById("log-lines");
  if (log) log.scrollTop = log.scrollHeight;
  if (document.getElementById("content").hasAttribute("data-final")) return;

  const state = document.getElementById("connection");
  const address = new URL(window.location.href);
  if (log) address.searchParams.set("log_from", log.dataset.follow);
  const source = new EventSource(address);
  const shown = new Map();

  const say = (text, isLost) => {
    state.textContent = text;
    state.classList.toggle("lost", isLost);
  };

  const replacePart = (part, next) => {
    const active = document.activeElement;
    const open = [...part.querySelectorAll("details[id][open]")].map((found) => found.id);
    const focused = active && part.contains(active) ? active.id : "";
    part.replaceWith(next);
    for (const id of open) {
      const details = document.getElementById(id);
      if (details) details.open = true;
    }
    if (focused) document.getElementById(focused)?.focus();
  };

  source.addEventListener("page", (event) => {
    const next = new DOMParser().parseFromString(event.data, "text/html");
    let before = null;
    for (const found of next.querySelectorAll("[data-live]")) {
      const part = document.getElementById(found.id);
      const adopted = document.importNode(found, true);
      if (!part && before) {
        before.after(adopted);
      } else if (part && found.outerHTML !== (shown.get(found.id) ?? part.outerHTML)) {
        replacePart(part, adopted);
      }
      shown.set(found.id, found.outerHTML);
      before = document.getElementById(found.id);
    }
    for (const part of document.querySelectorAll("[data-live]")) {
      if (!next.getElementById(part.id)) part.remove();
    }
    say("live", false);
  });
  source.addEventListener("log", (event) => {
    if (!log) return;
    const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
    const lines = new DOMParser().parseFromString(event.data, "text/html").body.children;
    log.append(...[...lines].map((line) => document.importNode(line, true)));
    while (log.childElementCount > Number(log.dataset.most)) log.firstElementChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
  });
  source.addEventListener("end", () => {
    source.close();
    say("ended: this page does not change any more", false);
  });
  source.addEventListener("open", () => say("live", false));
  source.addEventListener("error", () => say("connection lost, trying again", true));
})();
