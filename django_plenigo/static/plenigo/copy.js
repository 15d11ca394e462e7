// Copies ids in the support agent's panel. Without it an id is marked and copied by hand, and the buttons stay hidden.
// No inline code, no style attributes, nothing stored.
(() => {
  "use strict";

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll(".plenigo-copy")) {
      button.hidden = false;
      button.addEventListener("click", () => copy(button));
    }
  });

  async function copy(button) {
    const id = button.previousElementSibling;
    const said = button.nextElementSibling;
    said.textContent = "";
    try {
      await navigator.clipboard.writeText(id.textContent);
      said.textContent = button.dataset.copied;
    } catch {
      // No HTTPS, or no permission: the agent's own keys copy what is marked.
      getSelection().selectAllChildren(id);
      said.textContent = button.dataset.marked;
    }
  }
})();
