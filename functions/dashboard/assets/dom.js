/**
 * Describes elements as plain values and brings the document to match, touching only what differs: a refresh keeps
 * focus, selection, scroll positions and opened details. Text is always text; attribute names are ours, never data's.
 */

const SVG = "http://www.w3.org/2000/svg";

/** What each element of ours was last described as. */
const descriptions = new WeakMap();

/**
 * Describe an element.
 *
 * @param {string} tag name of the element; everything inside an `svg` is SVG.
 * @param {?object} attributes by name; null, undefined and false leave one out. `key` names it among its siblings.
 * @param {...*} children descriptions, text, numbers, lists of them; null, undefined and false are left out.
 */
export function h(tag, attributes, ...children) {
  const { key, ...rest } = attributes ?? {};
  const present = children
    .flat(Infinity)
    .filter((child) => child !== null && child !== undefined && child !== false);
  return { tag, key, attributes: rest, children: present };
}

/** Make the content of *parent* what *wanted* describes. */
export function render(parent, ...wanted) {
  const focused = document.activeElement;
  patch(parent, h("", null, ...wanted).children);
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
}

function patch(parent, wanted) {
  const keys = new Set(wanted.map((child) => child.key));
  const keyed = new Map();
  for (const node of [...parent.children]) {
    const key = descriptions.get(node)?.key;
    if (key === undefined) continue;
    if (keys.has(key)) keyed.set(key, node);
    else node.remove();
  }
  let cursor = parent.firstChild;
  for (const child of wanted) {
    const node = existing(child, cursor, keyed) ?? created(child, parent);
    if (node === cursor) cursor = cursor.nextSibling;
    else parent.insertBefore(node, cursor);
    update(node, child);
  }
  while (cursor) {
    const next = cursor.nextSibling;
    cursor.remove();
    cursor = next;
  }
}

function existing(child, cursor, keyed) {
  if (child.tag === undefined) return cursor?.nodeType === Node.TEXT_NODE ? cursor : null;
  if (child.key !== undefined) {
    const node = keyed.get(child.key);
    keyed.delete(child.key);
    return node && descriptions.get(node).tag === child.tag ? node : null;
  }
  const described = cursor && descriptions.get(cursor);
  return described?.tag === child.tag && described.key === undefined ? cursor : null;
}

function created(child, parent) {
  if (child.tag === undefined) return document.createTextNode("");
  const inSvg = child.tag === "svg" || parent.namespaceURI === SVG;
  const node = inSvg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  descriptions.set(node, { tag: child.tag, attributes: {} });
  return node;
}

function update(node, child) {
  if (child.tag === undefined) {
    const text = String(child);
    if (node.data !== text) node.data = text;
    return;
  }
  const before = descriptions.get(node).attributes;
  for (const name of new Set([...Object.keys(before), ...Object.keys(child.attributes)])) {
    const value = child.attributes[name] ?? false;
    if (name === "checked") node.checked = value;
    else if (value === (before[name] ?? false)) continue;
    else if (value === false) node.removeAttribute(name);
    else node.setAttribute(name, value === true ? "" : value);
  }
  descriptions.set(node, child);
  patch(node, child.children);
}
