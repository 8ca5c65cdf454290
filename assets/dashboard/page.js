// The parts that every module of the page uses: elements, times, copying, dialogs, messages.

export const at = (id) => document.getElementById(id);

/** An element; text goes in as text, never as markup. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A button. `key` names it across renderings, so that it keeps the focus. */
export function button(text, { key, onclick, className = "", unseen }) {
  const made = make("button", { type: "button", className, onclick }, text);
  if (unseen) made.append(make("span", { className: "unseen" }, ` ${unseen}`));
  if (key) made.dataset.key = key;
  return made;
}

/** Shows `children` in `place`, with the focus where it was. */
export function render(place, ...children) {
  const focused = place.contains(document.activeElement) && document.activeElement.dataset.key;
  place.replaceChildren(...children);
  if (focused) place.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

/** `52:07`, or `23:52:07`. */
export function countdown(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${two(minutes)}:${two(whole % 60)}`;
}

/** `58 min`, `23 h 52 min`, `40 s`. */
export function inWords(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)} h${rest > 0 ? ` ${rest} min` : ""}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dated = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
});

/** The time of day here, with the day where it is not today's. */
export function timeOf(text) {
  const time = new Date(text);
  const isToday = time.toDateString() === new Date().toDateString();
  return make("time", { dateTime: text, title: text }, (isToday ? clock : dated).format(time));
}

/** `18:24, in 1 h 14 min`. `tickTimes` keeps the time left up to date. */
export function timeLeft(text) {
  const left = make("span", {});
  left.dataset.until = text;
  showLeft(left);
  return make("span", {}, timeOf(text), left);
}

function showLeft(element) {
  const seconds = (Date.parse(element.dataset.until) - Date.now()) / 1000;
  const text = seconds > 0 ? `, in ${inWords(seconds)}` : "";
  if (element.textContent !== text) element.textContent = text;
}

/** Updates the times left. */
export function tickTimes() {
  document.querySelectorAll("[data-until]").forEach(showLeft);
}

/** Shows a message for some seconds. */
export function toast(text) {
  const said = make("p", {}, text);
  at("toasts").replaceChildren(said);
  setTimeout(() => said.remove(), 6000);
}

/** Text in which `backquotes` mean code. */
export const words = (text) =>
  (text ?? "").split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));

/** Text as a sentence. Its first word gets a capital only if it is a word: not in `localhost:8080`. */
export function sentence(text) {
  const isWord = /^[\p{L},:'’-]+$/u.test(text.split(" ")[0]);
  const start = isWord ? text.charAt(0).toUpperCase() + text.slice(1) : text;
  return start.replace(/([^.!?])$/, "$1.");
}

/** A notice of an error, with the next step. */
export function noticeOf({ message, hint }, ...more) {
  return make("div", { className: "notice bad" },
    make("p", {}, make("strong", {}, ...words(sentence(message)))),
    hint ? make("p", {}, ...words(sentence(hint))) : null,
    ...more);
}

/** Shows an error at the top of the page until it is dismissed: for errors of the whole page. */
export function complain(error) {
  const dismiss = button("Dismiss", { className: "small", onclick: quieten });
  at("alerts").replaceChildren(noticeOf(
    { message: error.message || String(error), hint: error.hint },
    make("div", { className: "buttons" }, dismiss),
  ));
  // On a narrow screen the button that led here is far below.
  at("alerts").scrollIntoView({ block: "nearest" });
}

/** Removes the errors of the last attempt, at the top of the page and beside its fields. */
export function quieten() {
  at("alerts").replaceChildren();
  at("generate-problem").replaceChildren();
  at("grant-problem").replaceChildren();
  for (const place of document.querySelectorAll(".field-error")) place.replaceChildren();
  for (const field of document.querySelectorAll("[aria-invalid]")) field.removeAttribute("aria-invalid");
}

/** An error that belongs to one field, beside which it is shown. */
export class FieldError extends Error {
  constructor(field, { message, hint }) {
    super(message);
    this.field = field;
    this.hint = hint;
  }
}

/** Shows an error in the place that the field's `aria-describedby` names, and leads to the field. */
function complainBeside({ field, message, hint }) {
  field.setAttribute("aria-invalid", "true");
  at(field.getAttribute("aria-describedby")).replaceChildren(
    ...words(sentence(message)), " ", ...words(hint ? sentence(hint) : ""));
  const target = field.matches("input") ? field : field.querySelector("input");
  target.focus();
  field.scrollIntoView({ block: "nearest" });
}

/** A request that takes longer shows its progress. */
const SLOW = 300;
const VERY_SLOW = 4000;

/** Does the work of a button, once at a time. Shows the progress of slow work, and its error: beside
 * the field, or with `show` in the part of the page that it belongs to. */
export async function busy(element, work, show = complain) {
  if (element.ariaDisabled === "true") return;
  element.ariaDisabled = "true";
  quieten();
  const progress = [
    setTimeout(() => (element.ariaBusy = "true"), SLOW),
    setTimeout(() => toast("Still working. A slow service can take 30 s."), VERY_SLOW),
  ];
  try {
    await work();
  } catch (error) {
    if (error instanceof FieldError) complainBeside(error);
    else show(error);
  } finally {
    progress.forEach(clearTimeout);
    element.ariaDisabled = null;
    element.ariaBusy = null;
  }
}

/** Disables every control of the page's content, or enables it again. */
export function freeze(isFrozen) {
  if (isFrozen && at("columns").contains(document.activeElement)) at("main").focus();
  for (const control of at("columns").querySelectorAll("button, input, select")) control.disabled = isFrozen;
  at("columns").classList.toggle("frozen", isFrozen);
}

/** Puts text into the clipboard, and shows `said`, never the text. */
export async function copy(text, said) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw Object.assign(new Error("The browser refused access to the clipboard"), {
      hint: "Allow it for this page, keep the tab in front, then copy again.",
    });
  }
  toast(said);
}

/** Asks for confirmation of an action that cannot be undone. */
export function confirmed({ title, text, yes }) {
  const dialog = at("confirm");
  at("confirm-title").textContent = title;
  at("confirm-text").textContent = text;
  at("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}
