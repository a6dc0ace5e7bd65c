/** The picture on the canvas: strokes, or a picture file that replaces them. */

const STROKE_SHARE = 1 / 14; // of the canvas's side, like the digits of MNIST

/**
 * Events: "stroke" when the current stroke has grown, "replace" when the picture is another one
 * (first stroke, cleared, undone, uploaded), so that answers to the earlier picture are out of date.
 */
export class Drawing extends EventTarget {
  #canvas;
  #context;
  #state = { strokes: [], file: null, bitmap: null };
  #past = [];
  #pointer = null;

  constructor(canvas) {
    super();
    this.#canvas = canvas;
    // Each change is read back as a PNG, which is slow if the bitmap is in the GPU's memory.
    this.#context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    canvas.addEventListener("pointerdown", (event) => this.#begin(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(type, (event) => this.#end(event));
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#paint());
    this.#paint();
  }

  get empty() {
    return this.#state.strokes.length === 0 && this.#state.file === null;
  }

  /** Return the bytes of the uploaded file as they are, or the canvas as a PNG. */
  toBlob() {
    if (this.#state.file) return this.#state.file;
    // Not canvas.toBlob: Chromium delays its encoding until the page is idle, at times for seconds.
    const encoded = atob(this.#canvas.toDataURL("image/png").split(",")[1]);
    return new Blob([Uint8Array.from(encoded, (char) => char.charCodeAt(0))], { type: "image/png" });
  }

  clear() {
    if (!this.empty) this.#replace({ strokes: [], file: null, bitmap: null });
  }

  undo() {
    if (this.#past.length === 0) return;
    this.#pointer = null;
    this.#state = this.#past.pop();
    this.#paint();
    this.dispatchEvent(new Event("replace"));
  }

  /** Show a picture file. The server may know formats that the browser does not; then its name is shown. */
  async showFile(file) {
    const bitmap = await createImageBitmap(file).catch(() => null);
    this.#replace({ strokes: [], file, bitmap });
  }

  #replace(state) {
    this.#pointer = null;
    this.#push(state);
    this.dispatchEvent(new Event("replace"));
  }

  #push(state) {
    this.#past = [...this.#past.slice(-99), this.#state];
    this.#state = state;
    this.#paint();
  }

  #begin(event) {
    // A second finger, or the palm beside the pen, does not draw.
    if (this.#pointer !== null || event.button !== 0) return;
    event.preventDefault();
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    const first = this.#state.strokes.length === 0;
    this.#push({ strokes: [...this.#state.strokes, [this.#locate(event)]], file: null, bitmap: null });
    this.dispatchEvent(new Event(first ? "replace" : "stroke"));
  }

  #move(event) {
    if (event.pointerId !== this.#pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    const points = (events.length ? events : [event]).map((each) => this.#locate(each));
    this.#state.strokes.at(-1).push(...points);
    this.#paint();
    this.dispatchEvent(new Event("stroke"));
  }

  #end(event) {
    if (event.pointerId === this.#pointer) this.#pointer = null;
  }

  /** Return the event's place in pixels of the bitmap, which the page may show at another size. */
  #locate(event) {
    const box = this.#canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.#canvas.width,
      y: ((event.clientY - box.top) / box.height) * this.#canvas.height,
    };
  }

  #paint() {
    const context = this.#context;
    const { width, height } = this.#canvas;
    const style = getComputedStyle(this.#canvas);
    context.fillStyle = style.getPropertyValue("--paper");
    context.fillRect(0, 0, width, height);
    context.strokeStyle = context.fillStyle = style.getPropertyValue("--ink");
    context.lineWidth = STROKE_SHARE * width;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.#state.strokes) paintStroke(context, stroke);
    const { file, bitmap } = this.#state;
    if (bitmap) {
      paintFitted(context, bitmap);
    } else if (file) {
      context.font = "16px sans-serif";
      context.textAlign = "center";
      context.fillText(file.name, width / 2, height / 2, width - 20);
    }
  }
}

/** Paint a smooth line: curves between the middles of the segments, bent towards the points. */
function paintStroke(context, points) {
  const last = points.at(-1);
  context.beginPath();
  context.moveTo(points[0].x, points[0].y);
  for (let i = 1; i < points.length - 1; i++) {
    const [point, next] = [points[i], points[i + 1]];
    context.quadraticCurveTo(point.x, point.y, (point.x + next.x) / 2, (point.y + next.y) / 2);
  }
  context.lineTo(last.x, last.y); // of a single point, this makes a dot
  context.stroke();
}

/** Paint a bitmap as large as it fits, in the middle. */
function paintFitted(context, bitmap) {
  const { width, height } = context.canvas;
  const scale = Math.min(width / bitmap.width, height / bitmap.height);
  const [w, h] = [bitmap.width * scale, bitmap.height * scale];
  context.imageSmoothingEnabled = scale < 1; // so that a picture of 28 x 28 shows its pixels
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, (width - w) / 2, (height - h) / 2, w, h);
}
