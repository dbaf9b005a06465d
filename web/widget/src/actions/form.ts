type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** Inputs an agent has no business with. */
const FORBIDDEN = new Set(["password", "hidden", "file", "submit", "button", "image", "reset"]);

/**
 * Fills in fields of the page: `{"form": "#address", "fields": {"city": "Oslo"}}`.
 *
 * `form` is a selector, an id or a name, and may be left out. A field is found by its name, its id or a selector,
 * inside the form where there is one. Nothing is sent; passwords, files and hidden fields are never touched.
 *
 * @throws Error naming the form or the fields that were not found; the others are filled in.
 */
export function fillForm(data: unknown, page: Document): void {
  const { form, formId, fields, values } = (data ?? {}) as Record<string, unknown>;
  const wanted = fields ?? values;
  if (typeof wanted !== "object" || wanted === null) throw new Error("FILL_FORM: “fields” is missing");
  const name = form ?? formId;
  const root = name === undefined ? page : find(page, String(name));
  if (!root) throw new Error(`FILL_FORM: there is no form “${String(name)}”`);
  const missing = Object.entries(wanted).filter(([key, value]) => !fill(root, key, value));
  if (missing.length > 0) throw new Error(`FILL_FORM: no field ${missing.map(([key]) => `“${key}”`).join(", ")}`);
}

function fill(root: ParentNode, key: string, value: unknown): boolean {
  const found = findAll(root, key).filter(isField);
  const allowed = found.filter(({ type, disabled }) => !FORBIDDEN.has(type) && !disabled);
  if (allowed.length === 0) return false;
  for (const field of allowed[0]!.type === "radio" ? allowed : allowed.slice(0, 1)) setValue(field, value);
  return true;
}

function setValue(field: Field, value: unknown): void {
  if (field.type === "checkbox" || field.type === "radio") {
    const on = field.type === "checkbox" ? value === true || value === "true" || value === "on" : field.value === String(value);
    if ((field as HTMLInputElement).checked === on) return;
    assign(field, "checked", on);
  } else {
    assign(field, "value", value === null || value === undefined ? "" : String(value));
  }
  field.dispatchEvent(new Event("input", { bubbles: true, composed: true }));
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

/** By the setter of the class: React puts one of its own on the element, and would think that nothing has changed. */
function assign(field: Field, property: "value" | "checked", value: string | boolean): void {
  const setter = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), property)?.set;
  if (setter) setter.call(field, value);
  else Object.assign(field, { [property]: value });
}

function isField(element: Element): element is Field {
  return ["INPUT", "TEXTAREA", "SELECT"].includes(element.tagName);
}

function find(root: ParentNode, key: string): Element | undefined {
  return findAll(root, key)[0];
}

function findAll(root: ParentNode, key: string): Element[] {
  const quoted = `"${CSS.escape(key)}"`;
  for (const selector of [`[name=${quoted}]`, `[id=${quoted}]`, key]) {
    try {
      const found = [...root.querySelectorAll(selector)];
      if (found.length > 0) return found;
    } catch {
      // The key is no selector.
    }
  }
  return [];
}
