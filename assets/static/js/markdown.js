// Markup of messages: a small part of Markdown as a tree of ranges of the text. What is not recognized, or not closed, stays as typed.
import { isBlank } from './chat-text.js';

/** Quotes and lists inside one another; deeper marks stay as typed. */
const MAX_DEPTH = 3;
/** Bold, italic and struck text inside one another. */
const MAX_EMPHASIS_DEPTH = 4;
/** Elements of one message, each with at most two pieces of text beside it. */
export const MAX_ELEMENTS = 500;
/** Marks of one line that are looked at. */
const MAX_RUNS = 2 * MAX_ELEMENTS;

/** A block between fences, code between back-ticks, or what may be an address. */
const ATOM = /```(?:[\w+#.-]{1,20}\n)?([^]*?)```|`([^`\n]+)`|(?<![a-z0-9])https?:\/\/[^\s<>"`\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff]+/gi;
const TRAILING = /[.,;:!?¡¿…'’”»*_~]/;
const PAIRS = { ')': '(', ']': '[', '}': '{' };
/** A space follows the mark, so that `>_<` stays a face. */
const QUOTE = /^>(?: |$|(?=>+(?: |$)))/;
const ITEM = /^( {0,3})(?:[-*]|(\d{1,3})[.)]) +(?=\S)(?![-*\s]*$)/;
const INDENT = /^[ \t]*(?=\S)/;
const RUN = /\*+|_+|~+/g;
const SPACE = /\s/;
const PUNCTUATION = /[\p{P}\p{S}]/u;
/** Nothing of a text without these is markup. */
const ANY = /[*_~`>@]|https?:|^ {0,3}(?:-|\d{1,3}[.)]) /im;

/** An address without the punctuation of its sentence; a closing bracket stays if it was opened in it. */
function withoutTrailing(url) {
  const open = {};
  for (const sign of url) if ('([{)]}'.includes(sign)) open[sign] = (open[sign] ?? 0) + 1;
  let end = url.length;
  for (; end > 0; end -= 1) {
    const last = url[end - 1];
    const isExtra = last in PAIRS && open[last] > (open[PAIRS[last]] ?? 0);
    if (!isExtra && !TRAILING.test(last)) break;
    if (last in open) open[last] -= 1;
  }
  return url.slice(0, end);
}

/** Only web addresses that do not pretend to be another's: `https://bank@evil` stays text. */
function isLink(text) {
  try {
    const { protocol, hostname, username, password } = new URL(text);
    return ['http:', 'https:'].includes(protocol) && hostname !== '' && !username && !password;
  } catch {
    return false;
  }
}

/** Code, blocks and links, in order: `start` to `end` in the text, of which `from` to `to` is shown. */
function findAtoms(text) {
  const found = [];
  for (const match of text.matchAll(ATOM)) {
    const [whole, block, code] = match;
    const start = match.index;
    let end = start + whole.length;
    if (block !== undefined) {
      if (isBlank(block)) continue;
      let to = end - 3;
      let from = to - block.length;
      if (text[from] === '\n') from += 1;
      if (text[to - 1] === '\n') to -= 1;
      // The fence's own line ends with it.
      if (text[end] === '\n') end += 1;
      found.push({ kind: 'block', from, to, start, end });
    } else if (code !== undefined) {
      if (!isBlank(code)) found.push({ kind: 'code', from: start + 1, to: end - 1, start, end });
    } else {
      const link = withoutTrailing(whole);
      if (isLink(link)) found.push({ kind: 'link', from: start, to: start + link.length, start, end: start + link.length });
    }
  }
  return found;
}

/** Adds mentions, which `find` finds, where they are not inside another atom. */
function withMentions(text, atoms, find) {
  const found = [];
  let at = 0;
  for (const { from, to, name } of find(text)) {
    while (at < atoms.length && atoms[at].end <= from) at += 1;
    if (at === atoms.length || atoms[at].start >= to) found.push({ kind: 'mention', from, to, start: from, end: to, name });
  }
  return [...atoms, ...found].sort((a, b) => a.start - b.start);
}

/** Says whether a run of marks opens or closes, neither after a backslash: as CommonMark's `_`, so `2*3*4` and `a_name_here` stay as they are. */
function flanks(before, after) {
  if (before === '\\') return { canOpen: false, canClose: false };
  const isSpaceBefore = before === '' || SPACE.test(before);
  const isSpaceAfter = after === '' || SPACE.test(after);
  const isMarkBefore = PUNCTUATION.test(before);
  const isMarkAfter = PUNCTUATION.test(after);
  const left = !isSpaceAfter && (!isMarkAfter || isSpaceBefore || isMarkBefore);
  const right = !isSpaceBefore && (!isMarkBefore || isSpaceAfter || isMarkAfter);
  return { canOpen: left && (!right || isMarkBefore), canClose: right && (!left || isMarkAfter) };
}

/** CommonMark's rule of three keeps `*a**b*` one italic text. */
function fits(opener, closer) {
  if (opener.sign !== closer.sign) return false;
  const isTwoWay = opener.canClose || closer.canOpen;
  return !isTwoWay || (opener.size + closer.size) % 3 !== 0 || (opener.size % 3 === 0 && closer.size % 3 === 0);
}

/** Pairs runs of marks by CommonMark's algorithm, in linear time: `floor` says how far back no opener was found. */
function pairRuns(runs) {
  const edges = [];
  const floor = {};
  const open = [];
  for (const [id, run] of runs.entries()) {
    run.id = id;
    const key = `${run.sign}${run.canOpen}${run.size % 3}`;
    while (run.canClose && run.from < run.to) {
      let at = open.length - 1;
      while (at >= 0 && open[at].id >= (floor[key] ?? 0) && !fits(open[at], run)) at -= 1;
      if (at < 0 || open[at].id < (floor[key] ?? 0)) {
        floor[key] = id;
        break;
      }
      const opener = open[at];
      const isDouble = opener.to - opener.from > 1 && run.to - run.from > 1;
      const width = isDouble ? 2 : 1;
      const pair = { kind: run.sign === '~' ? 'strike' : isDouble ? 'strong' : 'em' };
      edges.push({ pair, start: opener.to - width, end: opener.to, opens: true }, { pair, start: run.from, end: run.from + width });
      opener.to -= width;
      run.from += width;
      open.length = opener.from < opener.to ? at + 1 : at;
    }
    if (run.canOpen && run.from < run.to) open.push(run);
  }
  return edges;
}

/** Returns true for the second half of a character of two units. */
const isHalf = (text, at) => at > 0 && (text.charCodeAt(at) & 0xfc00) === 0xdc00;

/** Appends a range of text to `children`; ranges that touch are one. */
function pushText(children, from, to) {
  if (from === to) return;
  const last = children.at(-1);
  if (last?.kind === 'text' && last.to === from) last.to = to;
  else children.push({ kind: 'text', from, to });
}

class Parser {
  #text;
  #elements = 0;

  constructor(text) {
    this.#text = text;
  }

  parse(find) {
    const text = this.#text;
    const atoms = (find ? withMentions(text, findAtoms(text), find) : findAtoms(text)).slice(0, MAX_ELEMENTS);
    this.#elements = atoms.length;
    const nodes = [];
    let from = 0;
    let inline = [];
    for (const atom of atoms) {
      if (atom.kind !== 'block') inline.push(atom);
      else {
        const end = text[atom.start - 1] === '\n' ? Math.max(from, atom.start - 1) : atom.start;
        nodes.push(...this.#region(from, end, inline), { kind: 'block', from: atom.from, to: atom.to });
        from = atom.end;
        inline = [];
      }
    }
    nodes.push(...this.#region(from, text.length, inline));
    return nodes;
  }

  #region(from, end, atoms) {
    if (from === end) return [];
    const lines = [];
    let at = 0;
    for (let start = from; start <= end;) {
      const newline = this.#text.indexOf('\n', start);
      const to = newline < 0 || newline >= end ? end : newline;
      const line = { from: start, to, atoms: [] };
      for (; at < atoms.length && atoms[at].start < to; at += 1) line.atoms.push(atoms[at]);
      lines.push(line);
      start = to + 1;
    }
    return this.#blocks(lines, 0);
  }

  #match(pattern, { from, to }) {
    return pattern.exec(this.#text.slice(from, to));
  }

  #isBlank({ from, to }) {
    return this.#text.slice(from, to).trim() === '';
  }

  /** Takes one more element if there may be one. */
  #take() {
    if (this.#elements >= MAX_ELEMENTS) return false;
    this.#elements += 1;
    return true;
  }

  #blocks(lines, depth) {
    const children = [];
    /** The line above, if it is text. */
    let above = null;
    for (let at = 0; at < lines.length;) {
      const block = depth < MAX_DEPTH && (this.#quote(lines, at, depth) ?? this.#list(lines, at, depth, above !== null));
      if (block) {
        children.push(block.node);
        at = block.next;
        above = null;
        continue;
      }
      const line = lines[at];
      at += 1;
      // An empty line after a block shows in its margin.
      if (!above && children.length && this.#isBlank(line)) continue;
      if (above) pushText(children, above.to, above.to + 1);
      this.#inline(line, children);
      above = line;
    }
    return children;
  }

  #quote(lines, at, depth) {
    const quoted = (line) => {
      const mark = this.#match(QUOTE, line);
      return mark && { ...line, from: line.from + mark[0].length };
    };
    const first = quoted(lines[at]);
    if (!first || this.#isBlank(first) || !this.#take()) return null;
    const inner = [];
    let next = at;
    for (let line = first; line; line = next < lines.length && quoted(lines[next])) {
      inner.push(line);
      next += 1;
    }
    return { node: { kind: 'quote', children: this.#blocks(inner, depth + 1) }, next };
  }

  /** Below text only a list that begins with 1 begins: `el\n15. de mayo` is a sentence. */
  #list(lines, at, depth, isBelowText) {
    const first = this.#match(ITEM, lines[at]);
    if (!first || (isBelowText && first[2] && first[2] !== '1') || this.#elements + 2 > MAX_ELEMENTS) return null;
    this.#take();
    const kind = first[2] ? 'numbers' : 'bullets';
    const children = [];
    let next = at;
    for (let mark = first; mark && Boolean(mark[2]) === Boolean(first[2]) && this.#take();) {
      const inner = [{ ...lines[next], from: lines[next].from + mark[0].length }];
      for (next += 1; next < lines.length; next += 1) {
        const indent = this.#match(INDENT, lines[next])?.[0] ?? '';
        if (indent.length < mark[1].length + 2 && indent[0] !== '\t') break;
        inner.push({ ...lines[next], from: lines[next].from + Math.min(indent.length, mark[0].length) });
      }
      children.push({ kind: 'item', value: mark[2], children: this.#blocks(inner, depth + 1) });
      mark = next < lines.length ? this.#match(ITEM, lines[next]) : null;
    }
    return { node: { kind, children }, next };
  }

  #runs({ from, to, atoms }) {
    const text = this.#text;
    const runs = [];
    const scan = (start, end) => {
      for (const { 0: signs, index } of text.slice(start, end).matchAll(RUN)) {
        if (runs.length >= MAX_RUNS) return;
        if (signs[0] === '~' && signs.length !== 2) continue;
        const first = start + index;
        const last = first + signs.length;
        const before = first > from ? text.slice(isHalf(text, first - 1) ? first - 2 : first - 1, first) : '';
        const after = last < to ? text.slice(last, isHalf(text, last + 1) ? last + 2 : last + 1) : '';
        runs.push({ sign: signs[0], from: first, to: last, size: signs.length, ...flanks(before, after) });
      }
    };
    let at = from;
    for (const atom of atoms) {
      scan(at, atom.start);
      at = atom.end;
    }
    scan(at, to);
    return runs;
  }

  /** Marks pair up within their line. */
  #inline(line, children) {
    const edges = [...pairRuns(this.#runs(line)), ...line.atoms].sort((a, b) => a.start - b.start);
    const open = [children];
    let from = line.from;
    for (const edge of edges) {
      if (edge.opens) edge.pair.isShown = open.length <= MAX_EMPHASIS_DEPTH && this.#take();
      if (edge.pair && !edge.pair.isShown) continue;
      pushText(open.at(-1), from, edge.start);
      from = edge.end;
      if (edge.opens) {
        const node = { kind: edge.pair.kind, children: [] };
        open.at(-1).push(node);
        open.push(node.children);
      } else if (edge.pair) open.pop();
      else open.at(-1).push({ kind: edge.kind, from: edge.from, to: edge.to, name: edge.name });
    }
    pushText(open.at(-1), from, line.to);
  }
}

/** Returns the text as nodes: `{ kind, from, to }` for `text`, `code`, `block`, `link` and `mention`, a range of the text; `{ kind, children }`
 * for `strong`, `em`, `strike`, `quote`, `bullets`, `numbers` and `item`, the last with its number as `value`. `find(text)` returns mentions. */
export function markdown(text, find = null) {
  return ANY.test(text) ? new Parser(text).parse(find) : [{ kind: 'text', from: 0, to: text.length }];
}
