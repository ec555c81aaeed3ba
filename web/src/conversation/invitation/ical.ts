// iCalendar (RFC 5545 3.1): lines, unfolded, with their parameters, in the components that they stand in. It takes what programs write, and gives
// up nothing of a calendar for one line that it cannot read.

export interface Property {
  name: string; // in capitals
  params: ReadonlyMap<string, readonly string[]>; // names in capitals
  value: string;
}

export interface Component {
  name: string;
  properties: Property[];
  components: Component[];
}

export const maxSize = 1 << 20;
const maxLines = 20_000;
const maxDepth = 8;

/** parse answers the first VCALENDAR of a text. */
export function parse(text: string): Component | undefined {
  const root: Component = { name: "", properties: [], components: [] };
  const open = [root];
  for (const line of unfold(text.slice(0, maxSize))) {
    const property = readLine(line);
    if (!property) continue;
    const here = open.at(-1)!;
    const name = property.value.trim().toUpperCase();
    if (property.name === "BEGIN") {
      if (open.length > maxDepth) return undefined;
      const inner: Component = { name, properties: [], components: [] };
      here.components.push(inner);
      open.push(inner);
    } else if (property.name === "END") {
      if (open.length > 1 && here.name === name) open.pop();
    } else here.properties.push(property);
  }
  return root.components.find((c) => c.name === "VCALENDAR");
}

// RFC 5545 3.1: a line break with a blank after it is nothing.
function unfold(text: string): string[] {
  return text
    .replace(/\r?\n[ \t]/g, "")
    .split(/\r?\n/, maxLines)
    .filter((line) => line !== "");
}

function readLine(line: string): Property | undefined {
  const name = /^[A-Za-z0-9-]+/.exec(line)?.[0];
  if (!name) return undefined;
  const params = new Map<string, string[]>();
  let at = name.length;
  while (line[at] === ";") {
    const key = /^[A-Za-z0-9-]+/.exec(line.slice(at + 1, at + 100))?.[0];
    if (!key || line[at + 1 + key.length] !== "=") return undefined;
    at += key.length + 2;
    const values: string[] = [];
    for (;;) {
      const quoted = line[at] === '"';
      const end = quoted ? line.indexOf('"', at + 1) : endOf(line, at);
      if (end < 0) return undefined;
      values.push(unescaped(line.slice(quoted ? at + 1 : at, end)));
      at = quoted ? end + 1 : end;
      if (line[at] !== ",") break;
      at++;
    }
    params.set(key.toUpperCase(), values);
  }
  return line[at] === ":" ? { name: name.toUpperCase(), params, value: line.slice(at + 1) } : undefined;
}

function endOf(line: string, from: number): number {
  for (let i = from; i < line.length; i++) if (line[i] === ";" || line[i] === ":" || line[i] === ",") return i;
  return line.length;
}

// RFC 6868: what a parameter cannot hold.
function unescaped(value: string): string {
  return value.replace(/\^(n|\^|')/g, (_, sign: string) => ({ n: "\n", "^": "^", "'": '"' })[sign]!);
}

/** text is a value of type TEXT (RFC 5545 3.3.11). */
export function text(value: string): string {
  return value.replace(/\\([nN\\;,])/g, (_, sign: string) => (sign === "n" || sign === "N" ? "\n" : sign));
}

export function first(c: Component, name: string): Property | undefined {
  return c.properties.find((p) => p.name === name);
}

export function param(p: Property | undefined, name: string): string | undefined {
  return p?.params.get(name)?.[0];
}

/** write makes a line of a calendar, folded at 75 octets (RFC 5545 3.1). */
export function write(p: Property): string {
  let line = p.name;
  for (const [name, values] of p.params) line += `;${name}=${values.map(parameter).join(",")}`;
  line += `:${p.value.replace(/[\r\n]/g, "")}`;
  return `${fold(line)}\r\n`;
}

function parameter(value: string): string {
  const safe = value.replace(/\^/g, "^^").replace(/\r?\n/g, "^n").replace(/"/g, "^'");
  return /[;:,]/.test(safe) ? `"${safe}"` : safe;
}

function fold(line: string): string {
  let out = "";
  let octets = 0;
  for (const sign of line) {
    const size = new TextEncoder().encode(sign).length;
    if (octets + size > 75) {
      out += "\r\n ";
      octets = 1;
    }
    out += sign;
    octets += size;
  }
  return out;
}
