// A question, its possible answers, and what became of the guess.
//
// The widget model holds: question, options, choice (the learner's), answer and because
// (from the run in the next cell). An answer is shown only once there is a choice.

const NEXT = "Noted. Run the next cell and see.";
const CHOOSE = "The run below has the answer. Choose first, and it unfolds here.";

function verdict(choice, answer, options) {
  if (choice === answer) return `Yes: ${answer}.`;
  if (options.includes(answer)) return `You said ${choice}; it is ${answer}.`;
  return `You said ${choice}; in this run it is ${answer}.`;
}

function render({ model, el }) {
  const name = `guess-${Math.random().toString(36).slice(2)}`;
  el.replaceChildren();
  const form = document.createElement("form");
  form.className = "oz-predict";
  const fields = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = model.get("question");
  const choices = document.createElement("div");
  choices.className = "choices";
  const outcome = document.createElement("p");
  outcome.setAttribute("role", "status");

  for (const option of model.get("options")) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = "radio";
    input.name = name;
    input.value = option;
    input.addEventListener("change", () => {
      model.set("choice", option);
      model.save_changes();
    });
    const text = document.createElement("span");
    text.textContent = option;
    label.append(input, text);
    choices.append(label);
  }
  fields.append(legend, choices);
  form.append(fields, outcome);
  form.addEventListener("submit", (event) => event.preventDefault());
  el.append(form);

  function update() {
    const [choice, answer] = [model.get("choice"), model.get("answer")];
    const known = choice !== "" && answer !== "";
    for (const label of choices.children) {
      const input = label.firstChild;
      input.checked = input.value === choice;
      // What was said stands: after the answer a guess is no longer a guess.
      input.disabled = known;
      label.classList.toggle("chosen", input.checked);
      label.classList.toggle("answer", known && input.value === answer);
    }
    form.classList.toggle("known", known);
    outcome.replaceChildren();
    if (known) {
      const said = document.createElement("strong");
      said.textContent = verdict(choice, answer, model.get("options"));
      outcome.append(said, " ", model.get("because"));
    } else if (choice !== "") {
      outcome.textContent = NEXT;
    } else if (answer !== "") {
      outcome.textContent = CHOOSE;
    }
  }

  model.on("change:choice", update);
  model.on("change:answer", update);
  model.on("change:because", update);
  update();
  return () => {
    model.off("change:choice", update);
    model.off("change:answer", update);
    model.off("change:because", update);
  };
}

export default { render };
