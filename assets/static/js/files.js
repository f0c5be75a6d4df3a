// The page of files: the list, the filter, uploading and deleting.
import { copyText } from './clipboard.js';
import { byId, make, showSkeleton } from './dom.js';
import { errorText, t } from './i18n.js';
import { clear, showError, showInfo } from './notice.js';
import { call, facts, page } from './api.js';
import { isPending } from './files-format.js';
import { foldAccents } from './fold.js';
import { fileRow } from './files-row.js';
import { sendAll, sentText } from './upload.js';

/** While something is being inspected, and otherwise. */
const SOON_MS = 4000;
const LATER_MS = 45000;
const FIRST = '/api/files';

/** Files are on their way; they go on while another view is shown. */
let sending = false;
/** Reads the list again, if it is shown. */
let refresh = () => {};

export function mount() {
  const stop = new AbortController();
  const { signal } = stop;
  const list = byId('files');
  const empty = byId('empty-list');
  const filter = byId('filter');
  const more = byId('show-more');
  const input = byId('file-input');
  const line = byId('summary');
  const { role } = facts().session;
  /** Parts of the list as the server gives them, and all files in them; null before the first has come. */
  let pages = [];
  let files = null;
  /** Parts that are wanted: one more with each "Show more". A search wants all. */
  let wanted = 1;
  /** Counts the readings of the list, and what the one that runs reads: no parts, so many, or all. */
  let turn = 0;
  let reading = 0;
  let shown = '';
  let timer = 0;
  let endWait = () => {};
  const mayUpload = () => role === 'administrator' || role === 'cliente';

  function nothing(text, button) {
    empty.replaceChildren(make('div', { class: 'empty' }, make('p', {}, text), button ?? null));
  }

  function action(text, act) {
    const button = make('button', { type: 'button' }, text);
    button.addEventListener('click', act);
    return button;
  }

  const isWhole = () => !pages.at(-1)?.next;
  const total = () => Math.max(pages[0]?.total ?? 0, files.length);

  function summary(seen, sought) {
    const all = isWhole() ? t('files.count', { n: files.length }) : t('files.shown', { n: files.length, total: total() });
    return sought ? `${seen} / ${all}` : all;
  }

  /** Redraws; rows that did not change stay, with their focus and their open details. */
  function draw() {
    const sought = foldAccents(filter.value.trim());
    const seen = files.filter((file) => foldAccents(file.name).includes(sought));
    const key = JSON.stringify([seen, role, isWhole()]);
    line.textContent = summary(seen.length, sought);
    more.hidden = isWhole() || sought !== '';
    if (key === shown) return;
    shown = key;
    const old = new Map([...list.children].map((row) => [row.dataset.id, row]));
    list.replaceChildren(...seen.map((file) => {
      const state = JSON.stringify([file, role]);
      const kept = old.get(file.id);
      if (kept?.drawnFrom === state) return kept;
      const row = fileRow(file, role === 'administrator');
      row.drawnFrom = state;
      return row;
    }));
    // An empty list says it itself.
    byId('download-only').hidden = mayUpload() || !files.length;
    if (seen.length) empty.replaceChildren();
    else if (!isWhole()) nothing(t('files.searching'));
    else if (files.length) nothing(t('files.no_match'), action(t('files.clear'), () => { filter.value = ''; draw(); filter.focus(); }));
    else if (mayUpload()) nothing(t('files.none_upload'), action(t('files.upload'), () => input.click()));
    else nothing(t('files.none'));
  }

  function showParts(parts) {
    pages = parts;
    const unique = new Map(parts.flatMap((part) => part.items).map((file) => [file.id, file]));
    files = [...unique.values()];
    const focused = document.activeElement;
    draw();
    if (focused?.isConnected && focused !== document.activeElement) focused.focus();
  }

  /** Reads the parts that are wanted; of those that have not changed the server says only that. A later call takes over. */
  async function load() {
    clearTimeout(timer);
    turn += 1;
    const own = turn;
    const parts = [];
    reading = filter.value.trim() ? Infinity : wanted;
    try {
      for (let url = FIRST; url && parts.length < reading; url = parts.at(-1).next) {
        const known = pages[parts.length];
        parts.push(await page(url, known?.url === url ? known : null));
        if (own !== turn) return;
        // What is there already is shown at once; a search goes on behind it.
        if (parts.length > pages.length) showParts(parts.slice());
      }
      endWait();
      showParts(parts);
    } catch (error) {
      if (own !== turn) return;
      endWait();
      if (files === null) nothing(errorText(error, 'files'), action(t('retry'), begin));
      else if (reading > pages.length) showError(errorText(error, 'files'));
    }
    wanted = Math.max(1, pages.length);
    reading = 0;
    const soon = files?.some((file) => isPending(file.state));
    if (!signal.aborted) timer = setTimeout(() => { if (!document.hidden) load(); }, soon ? SOON_MS : LATER_MS);
  }

  async function showMore() {
    const before = list.children.length;
    more.disabled = true;
    wanted = pages.length + 1;
    await load();
    more.disabled = false;
    // The button stays where it was pressed from; the last press hands the focus on to what came.
    if (more.hidden) list.children[before]?.querySelector('summary').focus();
    else more.focus();
  }

  /** A search is about all files, also those that are not here yet. */
  function search() {
    if (!files) return;
    draw();
    if (filter.value.trim() && !isWhole() && reading !== Infinity) load();
  }

  function begin() {
    endWait = showSkeleton(empty);
    byId('drop-zone').hidden = !mayUpload();
    load();
  }

  async function upload(chosen) {
    if (!chosen.length || sending) return;
    sending = true;
    clear();
    const { sent, problems } = await sendAll(chosen);
    sending = false;
    input.value = '';
    if (problems.length) showError(problems.join(' '));
    else showInfo(sentText(sent));
    refresh();
  }

  function dropZone() {
    const zone = byId('drop-zone');
    let depth = 0;
    const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
    const mark = (change) => {
      depth = Math.max(0, depth + change);
      zone.classList.toggle('drag-over', depth > 0);
    };
    // The whole window takes files: on a near miss the browser would open one in place of the page.
    addEventListener('dragenter', (event) => { if (carriesFiles(event)) { event.preventDefault(); mark(1); } }, { signal });
    addEventListener('dragleave', (event) => { if (carriesFiles(event)) mark(-1); }, { signal });
    addEventListener('dragover', (event) => { if (carriesFiles(event)) event.preventDefault(); }, { signal });
    addEventListener('drop', (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      mark(-depth);
      if (!mayUpload()) return;
      const items = [...event.dataTransfer.items];
      const folder = items.some((item) => item.webkitGetAsEntry?.()?.isDirectory);
      if (folder) showError(t('files.folder'));
      else upload([...event.dataTransfer.files]);
    }, { signal });
    input.addEventListener('change', (event) => upload([...event.target.files]), { signal });
  }

  function confirmed(name) {
    const dialog = byId('confirm-delete');
    byId('confirm-name').textContent = name;
    dialog.returnValue = '';
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
    });
  }

  async function remove(row) {
    const { id, name } = row.dataset;
    if (!await confirmed(name)) return;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    try {
      await call('DELETE', `/api/files/${encodeURIComponent(id)}`);
      showInfo(t('files.deleted', { name }));
      // Without their tags: the next look reads them anew.
      showParts(pages.map((part) => ({ ...part, tag: null, total: part.total - 1, items: part.items.filter((file) => file.id !== id) })));
      (next?.querySelector('.delete') ?? filter).focus();
    } catch (error) {
      showError(errorText(error, 'files'));
      if (error.code === 'not_found') load();
    }
  }

  list.addEventListener('click', async (event) => {
    const row = event.target.closest('.file');
    if (event.target.closest('.delete')) remove(row);
    const copy = event.target.closest('.copy');
    if (copy) {
      if (await copyText(copy.dataset.sha)) showInfo(t('files.copied'));
      else showError(t('files.copy_failed'));
    }
  }, { signal });
  filter.addEventListener('input', search, { signal });
  more.addEventListener('click', showMore, { signal });
  document.addEventListener('visibilitychange', () => { if (!document.hidden && files) load(); }, { signal });
  dropZone();
  begin();
  refresh = load;
  return () => {
    stop.abort();
    turn += 1;
    clearTimeout(timer);
    endWait();
    refresh = () => {};
    // With files on their way the page stays, and their progress is there on the next visit.
    return sending;
  };
}
