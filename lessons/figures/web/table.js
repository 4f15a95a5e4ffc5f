// A table of the state: for those who read better than they see, or want to check the picture.

import { html } from "./dom.js";

/** `{ name, columns, rows, note? }` as a table with a caption and row headers. */
export function tableOf({ name, columns, rows, note }) {
  const head = html("tr", {}, ...columns.map((text) => html("th", { scope: "col" }, text)));
  const body = rows.map(([first, ...rest]) => html("tr", {},
    html("th", { scope: "row" }, String(first)),
    ...rest.map((text) => html("td", {}, String(text)))));
  const caption = html("caption", {}, name);
  if (note) caption.append(" ", html("span", { class: "oz-subtitle" }, note));
  return html("table", { class: "oz-table" }, caption,
    html("thead", {}, head), html("tbody", {}, ...body));
}
