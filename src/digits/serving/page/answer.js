/** Shows an answer of the network: the class, its confidence, the probabilities and the picture it saw. */

const MOST_BARS = 26; // with more classes, only the most probable ones are shown
const TOP_BARS = 10;
const ANNOUNCE_AFTER_MS = 600;

const byId = (id) => document.getElementById(id);

export function percent(share, digits = 1) {
  const text = (100 * share).toFixed(digits);
  // Rounding must not turn a very high share into certainty.
  return share < 1 && Number(text) === 100 ? `>${(100 - 10 ** -digits).toFixed(digits)} %` : `${text} %`;
}

export class AnswerView {
  #classes = [];
  #bars = [];
  #timer = 0;

  /** Prepare the bars and describe the picture for a model with these classes and this input shape. */
  setModel({ classes, shape }) {
    this.#classes = classes;
    byId("seen").alt = `The picture as the network sees it, ${shape[1]} by ${shape[0]} pixels`;
    const count = classes.length > MOST_BARS ? TOP_BARS : classes.length;
    this.#bars = Array.from({ length: count }, () => new Bar());
    const list = byId("bars");
    list.dataset.layout = count > 12 ? "two-columns" : "one-column";
    list.style.setProperty("--rows", Math.ceil(count / 2));
    const longest = Math.max(...classes.map((name) => name.length));
    list.style.setProperty("--name-width", `${Math.min(Math.max(longest, 2), 16)}ch`);
    list.replaceChildren(...this.#bars.map((bar) => bar.element));
    byId("bars-title").textContent =
      classes.length > MOST_BARS ? `The ${TOP_BARS} most probable of ${classes.length} classes` : "Probabilities";
    this.clear();
  }

  show({ class: name, confidence, probabilities, seen }) {
    const answer = byId("answer");
    answer.textContent = name;
    answer.dataset.length = name.length > 8 ? "long" : name.length > 2 ? "word" : "short";
    answer.dataset.answered = Number(answer.dataset.answered) + 1;
    byId("confidence").textContent = percent(confidence);
    this.#fill(this.#shown(probabilities), probabilities, name);
    if (seen) {
      byId("seen").src = seen;
      byId("seen").hidden = false;
    }
    this.#announce(`${name}, ${percent(confidence)} confidence`);
  }

  clear() {
    byId("answer").textContent = "";
    byId("answer").dataset.length = "short";
    byId("confidence").textContent = "";
    byId("seen").hidden = true;
    byId("seen").removeAttribute("src");
    this.#fill(this.#classes.length > MOST_BARS ? [] : this.#classes);
    this.#announce("");
  }

  /** Return the classes that have a bar. */
  #shown(probabilities) {
    if (this.#classes.length <= MOST_BARS) return this.#classes;
    return this.#classes.toSorted((a, b) => probabilities[b] - probabilities[a]).slice(0, TOP_BARS);
  }

  #fill(names, probabilities = null, best = null) {
    this.#bars.forEach((bar, i) => bar.show(names[i], probabilities?.[names[i]], names[i] === best));
  }

  /** Announce an answer when the drawing rests: a screen reader cannot read one every 30 ms. */
  #announce(text) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (byId("spoken").textContent = text), ANNOUNCE_AFTER_MS);
  }
}

/** One row: the class, a bar and the percentage. Rows are kept and changed, so that the bars can move smoothly. */
class Bar {
  constructor() {
    this.element = document.createElement("li");
    this.element.innerHTML = `
      <span class="name"></span>
      <span class="track" aria-hidden="true"><span class="fill"></span></span>
      <span class="share"></span>`;
    [this.name, this.track, this.share] = this.element.children;
    this.filled = this.track.firstChild;
  }

  show(name, share, best) {
    if (name === undefined) delete this.element.dataset.class;
    else this.element.dataset.class = name;
    this.name.textContent = this.name.title = name ?? "";
    this.share.textContent = share === undefined ? "" : percent(share);
    this.filled.style.width = `${100 * (share ?? 0)}%`;
    this.element.classList.toggle("best", best && share !== undefined);
  }
}
