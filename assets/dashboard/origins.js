// Web pages that ask for tokens, and the approved origins.

import { at, busy, button, confirmed, make, noticeOf, render, timeOf, toast } from "./page.js";
import { post } from "./service.js";

let refresh;
let shown = "";
let latest;
/** The numbers of the pages in the last state. */
let known = null;
/** The error of the last action of each page or origin. */
const errors = new Map();

export function begin(hooks) {
  ({ refresh } = hooks);
}

/** Shows this state. */
export function show({ origins }) {
  for (const { number, origin } of origins.asking) {
    if (known !== null && !known.includes(number)) toast(`${origin} asks for tokens`);
  }
  known = origins.asking.map(({ number }) => number);
  latest = origins;
  const text = JSON.stringify(origins);
  if (text !== shown) draw();
  shown = text;
}

function draw() {
  const { asking, approved, configured } = latest;
  at("asking").hidden = asking.length === 0;
  render(at("asking-list"), ...asking.map(page));
  const rows = [
    ...approved.map(approval),
    ...configured.map((origin) => item(origin, ["Approved by the settings or ", make("code", {}, "--allow-origin")])),
  ];
  render(at("origins"), ...rows);
  at("origins-none").hidden = rows.length > 0;
}

function item(origin, text, ...more) {
  const error = errors.get(origin);
  return make("li", {},
    make("div", {}, make("code", { className: "mono" }, origin), make("p", {}, ...text)),
    ...more, error ? noticeOf(error) : null);
}

function page({ number, origin, code, at: time, approved }) {
  const act = (text, key, className, work) => action(origin, `${key} ${number}`, text, className, work);
  const approve = (duration) => async () => {
    // Other pages can move this list under the pointer: the user sees again which one it is.
    const condition = code
      ? `Approve it only if the page of ${origin} shows the code ${code}. It`
      : `Pages of ${origin} that have the service’s secret can then use the service. Such a page`;
    const sure = await confirmed({
      title: "Approve this page?",
      text: `${condition} gets tokens of all accounts of this profile.`,
      yes: "Approve",
    });
    if (!sure) return;
    await post("/dashboard/origins/approve", { number, for: duration });
    toast(`Approved ${origin}`);
    await refresh();
    at("main").focus();
  };
  const text = code
    ? [
      approved ? "A page of this approved origin asks. " : "",
      "Approve it only if the page shows the code ", make("b", { className: "code" }, code), ". Asked ", timeOf(time), ".",
    ]
    : ["After the approval, the page also needs the service’s secret. Asked ", timeOf(time), "."];
  return item(origin, text, make("div", { className: "buttons" },
    act("Approve once", "once", "small primary", approve("run")),
    act("Approve permanently", "ever", "small", approve("ever")),
    act("Dismiss", "dismiss", "small quiet", async () => {
      await post("/dashboard/origins/dismiss", { number });
      await refresh();
      at("main").focus();
    })));
}

function approval({ origin, permanent, pages, pagesOfRun }) {
  const text = [permanent ? "Approved permanently" : "Approved until the service stops"];
  if (pages > 0) text.push(pages === 1 ? ", 1 page without the secret" : `, ${pages} pages without the secret`);
  if (permanent && pagesOfRun > 0) text.push(` (${pagesOfRun} until the service stops)`);
  text.push(". Valid for all accounts of this profile.");
  return item(origin, text, make("div", { className: "buttons" },
    action(origin, `withdraw ${origin}`, "Remove", "small quiet away", async () => {
      const sure = await confirmed({
        title: "Remove this approval?",
        text: latest.configured.includes(origin)
          ? `The settings or --allow-origin still approve ${origin}: its pages need the service’s secret again.`
          : `Pages of ${origin} no longer get tokens.`,
        yes: "Remove",
      });
      if (!sure) return;
      await post("/dashboard/origins/withdraw", { origin });
      toast(`Removed the approval of ${origin}`);
      await refresh();
      at("main").focus();
    })));
}

function action(origin, key, text, className, work) {
  const made = button(text, {
    key,
    className,
    unseen: `: ${origin}`,
    onclick: () => {
      errors.delete(origin);
      return busy(made, work, (error) => {
        errors.set(origin, error);
        draw();
      });
    },
  });
  return made;
}
