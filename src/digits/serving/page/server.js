/** Requests to the model server. Each function throws a RequestError with a line for the reader. */

const TIMEOUT_MS = 20_000;

export class RequestError extends Error {
  /** `status` is that of HTTP, or 0 if no answer came. */
  constructor(message, status) {
    super(message);
    this.status = status;
  }

  /** Whether the same request can succeed later. */
  get temporary() {
    return this.status === 0 || this.status >= 500;
  }
}

export function getModel() {
  return request("/model");
}

/** Classify a picture; `signal` aborts it. */
export function predict(picture, signal) {
  return request("/predict?seen=true", post(picture), signal);
}

/** Keep a picture as an example of `name` for a later training. */
export function correct(picture, name) {
  return request(`/corrections?class=${encodeURIComponent(name)}`, post(picture));
}

function post(picture) {
  const type = picture.type || "application/octet-stream";
  return { method: "POST", body: picture, headers: { "Content-Type": type } };
}

async function request(path, options = {}, signal = undefined) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  let body;
  try {
    response = await fetch(path, { ...options, signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
    body = await response.json().catch(() => null);
  } catch {
    throw new RequestError("The server does not answer.", 0);
  }
  if (response.ok && body) return body;
  throw new RequestError(body?.error ?? `The server answered with status ${response.status}.`, response.status);
}

/**
 * Predicts the newest picture, with one request in flight at a time.
 *
 * `read` returns the picture as it is now; `onAnswer` and `onError` receive the outcome.
 */
export class Predictor {
  static INTERVAL_MS = 25; // between the starts of two requests

  #wanted = false;
  #running = false;
  #abort = new AbortController();

  constructor({ read, onAnswer, onError }) {
    Object.assign(this, { read, onAnswer, onError });
  }

  /** Send the picture now, or as soon as the request in flight has ended. */
  request() {
    this.#wanted = true;
    if (!this.#running) this.#run();
  }

  /** Drop the request in flight and its answer. */
  cancel() {
    this.#wanted = false;
    this.#abort.abort();
  }

  async #run() {
    this.#running = true;
    while (this.#wanted) {
      this.#wanted = false;
      this.#abort = new AbortController();
      const { signal } = this.#abort;
      const started = performance.now();
      try {
        const answer = await predict(this.read(), signal);
        if (!signal.aborted) this.onAnswer(answer);
      } catch (error) {
        if (!signal.aborted) this.onError(error);
      }
      const rest = Predictor.INTERVAL_MS - (performance.now() - started);
      if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
    }
    this.#running = false;
  }
}
