// A choice brings its reply, and opens what a question keeps folded.
document.addEventListener("click", ({ target }) => {
  const chosen = target.closest?.(".prediction button");
  if (!chosen) return;
  const question = chosen.closest(".prediction");
  for (const button of question.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button === chosen));
  }
  for (const reply of question.querySelectorAll("[data-reply]")) {
    reply.hidden = reply.dataset.reply !== chosen.value;
  }
  const answer = question.nextElementSibling;
  if (answer?.matches("details.answer")) answer.open = true;
});
