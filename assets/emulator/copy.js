"use strict";
const status = document.querySelector("#status");
let timer;

/** Selects the text of an element, and returns whether the browser copied it. */
function copySelected(element) {
  const selection = getSelection();
  selection.selectAllChildren(element);
  return document.execCommand("copy");
}

async function copy(button) {
  const element = document.getElementById(button.dataset.copy);
  const name = button.getAttribute("aria-label").replace("Copy ", "");
  let copied = true;
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    // Without the permission, or on a page that is not a secure context.
    copied = copySelected(element);
  }
  status.textContent = copied ? `Copied: ${name}` : `Selected: ${name}. Press Ctrl+C to copy.`;
  clearTimeout(timer);
  timer = setTimeout(() => { status.textContent = ""; }, 5000);
}

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
