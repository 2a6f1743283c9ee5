// The page: what people wrote is shown as text and never as HTML (the page's security policy would refuse it).

const one = (selector, inside = document) => inside.querySelector(selector);
const state = { user: null, question: "", cursor: null, shown: 0 };

/** Ask the service; returns the answer's status, document and tag. Throws an Error that people can read. */
async function ask(method, path, document, headers = {}) {
  const options = { method, headers: { ...headers } };
  if (document !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(document);
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The service can't be reached; try again.");
  }
  const text = await response.text();
  let answer = null;
  try {
    answer = text ? JSON.parse(text) : null;
  } catch {
    // Something between here and the service answered with a page of its own.
  }
  if (!response.ok) {
    const faults = (answer?.faults ?? []).map(({ where, what }) => `${where.split(".").pop()}: ${what}`);
    const error = new Error([answer?.detail ?? `The service answered ${response.status}.`, ...faults].join("\n"));
    error.status = response.status;
    throw error;
  }
  return { answer, tag: response.headers.get("ETag") };
}

function tell(text) {
  one("#message").textContent = text;
}

/** Run what a form asks for, once at a time; its faults appear in the form. */
function onSubmit(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = one("button:not([type])", form);
    const fault = one(".fault", form);
    button.disabled = true;
    if (fault) fault.textContent = "";
    tell("");
    try {
      await act(new FormData(form));
    } catch (error) {
      if (error.status === 401) forgetUser();
      (fault ?? one("#message")).textContent = error.message;
    } finally {
      button.disabled = false;
    }
  });
}

function open(dialog) {
  const form = one("form", dialog);
  one(".fault", form).textContent = "";
  dialog.showModal();
  return form;
}

// --- quotes

/** An element with these pieces, those that matched marked. */
function fill(element, pieces) {
  element.replaceChildren(
    ...pieces.map(({ text, match }) => {
      if (!match) return document.createTextNode(text);
      const mark = document.createElement("mark");
      mark.textContent = text;
      return mark;
    }),
  );
}

function shown(quote) {
  const item = one("#quote").content.cloneNode(true);
  const text = one("blockquote", item);
  text.lang = quote.language;
  fill(text, quote.text_pieces ?? [{ text: quote.text, match: false }]);
  fill(one(".author", item), quote.author_pieces ?? [{ text: quote.author, match: false }]);
  one(".own", item).hidden = state.user === null || quote.owner !== state.user.id;
  const words = quote.text.length > 40 ? `${quote.text.slice(0, 40)}…` : quote.text;
  for (const [selector, act, name] of [[".change", change, "Change"], [".remove", remove, "Delete"]]) {
    const button = one(selector, item);
    button.setAttribute("aria-label", `${name}: ${words}`);
    button.addEventListener("click", () => act(quote));
  }
  return item;
}

/** Show the first page of what is asked for, or another one behind it. */
async function load({ further = false } = {}) {
  const list = one("#quotes");
  const { question } = state;
  const query = new URLSearchParams(question ? { q: question } : {});
  if (further) query.set("cursor", state.cursor);
  list.setAttribute("aria-busy", "true");
  try {
    const { answer } = await ask("GET", `${question ? "/search" : "/quotes"}?${query}`);
    if (question !== state.question) return;
    const items = answer.items.map(shown);
    if (further) list.append(...items);
    else list.replaceChildren(...items);
    state.cursor = answer.next;
    state.shown = (further ? state.shown : 0) + answer.items.length;
    one("#more").hidden = answer.next === null;
    one("#results").textContent = question ? `Quotes with “${question}”` : "Newest quotes";
    if (question && !further) tell(found(answer));
    if (!question && state.shown === 0) tell("There is no quote yet.");
  } catch (error) {
    tell(error.message);
  } finally {
    list.setAttribute("aria-busy", "false");
  }
}

function found({ items, next }) {
  if (items.length === 0) return "Nothing was found.";
  return next ? "The best matches are shown." : `${items.length} ${items.length === 1 ? "quote" : "quotes"} found.`;
}

function searchFor(question) {
  state.question = question.trim();
  history.replaceState(null, "", state.question ? `/?${new URLSearchParams({ q: state.question })}` : "/");
  tell("");
  return load();
}

async function change(quote) {
  try {
    const { answer, tag } = await ask("GET", `/quotes/${quote.id}`);
    const form = open(one("#edit"));
    form.elements.text.value = answer.text;
    form.elements.author.value = answer.author;
    Object.assign(form.dataset, { id: answer.id, tag });
  } catch (error) {
    tell(error.message);
  }
}

function remove(quote) {
  const form = open(one("#delete"));
  one("#delete-what").textContent = quote.text;
  form.dataset.id = quote.id;
}

/** After a change: the list as it is now, and the focus where a keyboard goes on. */
async function changed(dialog, message) {
  dialog.close();
  await load();
  tell(message);
  one("#results").focus();
}

// --- users

/** Show the page for this user, or for nobody. */
function become(user) {
  state.user = user;
  one("#signed-in").hidden = one("#adding").hidden = user === null;
  one("#signed-out").hidden = user !== null;
  one("#user-name").textContent = user?.name ?? "";
  // Only who was logged in is asked for again: a 401 on every visit would fill everybody's console.
  if (user) localStorage.setItem("logged-in", "yes");
  else localStorage.removeItem("logged-in");
}

function forgetUser() {
  become(null);
  return load();
}

function openAccount(registering) {
  const dialog = one("#account");
  const title = registering ? "Register" : "Log in";
  one("#account-title").textContent = one("#account-send").textContent = title;
  one("#name-help").hidden = one("#password-help").hidden = !registering;
  const { password } = open(dialog).elements;
  password.autocomplete = registering ? "new-password" : "current-password";
  password.minLength = registering ? 15 : 0;
  dialog.dataset.registering = registering ? "yes" : "";
}

async function enter(data) {
  const dialog = one("#account");
  const credentials = { name: data.get("name"), password: data.get("password") };
  if (dialog.dataset.registering) await ask("POST", "/users", credentials);
  const { answer } = await ask("POST", "/users/login", credentials);
  one("form", dialog).reset();
  dialog.close();
  become(answer.user);
  await load();
  tell(`Welcome, ${answer.user.name}.`);
}

async function leave() {
  try {
    await ask("POST", "/users/logout");
  } catch (error) {
    if (error.status !== 401) return tell(error.message);
  }
  await forgetUser();
  tell("You are logged out.");
  one("#open-login").focus();
}

// --- what happens when

onSubmit(one("#search"), (data) => searchFor(data.get("q")));
onSubmit(one("#account form"), enter);

// The same key until it worked: an answer that got lost doesn't add the quote twice.
let key = null;
one("#add").addEventListener("input", () => { key = null; });
onSubmit(one("#add"), async (data) => {
  key ??= Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  await ask("POST", "/quotes", { author: data.get("author"), text: data.get("text") }, { "Idempotency-Key": key });
  key = null;
  one("#add").reset();
  one("#question").value = "";
  await searchFor("");
  tell("Your quote was added.");
});

onSubmit(one("#edit form"), async (data) => {
  const { id, tag } = one("#edit form").dataset;
  await ask("PUT", `/quotes/${id}`, { author: data.get("author"), text: data.get("text") }, { "If-Match": tag });
  await changed(one("#edit"), "Your quote was changed.");
});

onSubmit(one("#delete form"), async () => {
  await ask("DELETE", `/quotes/${one("#delete form").dataset.id}`);
  await changed(one("#delete"), "Your quote was deleted.");
});

one("#more").addEventListener("click", () => load({ further: true }));
one("#open-login").addEventListener("click", () => openAccount(false));
one("#open-register").addEventListener("click", () => openAccount(true));
one("#log-out").addEventListener("click", leave);
for (const button of document.querySelectorAll("dialog .cancel")) {
  button.addEventListener("click", () => button.closest("dialog").close());
}

if (localStorage.getItem("logged-in")) {
  try {
    become((await ask("GET", "/users/me")).answer);
  } catch {
    become(null);
  }
}
one("#question").value = new URLSearchParams(location.search).get("q") ?? "";
await searchFor(one("#question").value);
