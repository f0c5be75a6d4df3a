// Sends files one after another with progress; used by /listar and /subir.
import { CallError, facts, problemOf, toLogin } from './api.js';
import { byId } from './dom.js';
import { humanSize, isHeld, isPending } from './files-format.js';
import { errorText, t } from './i18n.js';

/** Sends a file; resolves with it as the server has it. Rejects with a CallError, or with null when `signal` aborts. */
export function sendFile(file, onprogress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append('archivo', file);
    request.upload.onprogress = (event) => { if (event.lengthComputable) onprogress(event.loaded / event.total); };
    request.onload = () => {
      const answer = problemOf(request.responseText);
      if (request.status === 201) {
        resolve(answer);
        return;
      }
      const error = new CallError(request.status, answer, request.getResponseHeader('Retry-After'));
      if (error.code === 'unauthenticated') toLogin();
      reject(error);
    };
    request.onerror = () => reject(new CallError(0));
    request.onabort = () => reject(null);
    signal.addEventListener('abort', () => request.abort());
    request.open('POST', '/api/files');
    request.setRequestHeader('Accept', 'application/json');
    request.send(body);
  });
}

/** Sends all of `files`, drawing #subiendo; resolves with the files that arrived, as the server has them, and a line about each that did not. */
export async function sendAll(files) {
  const box = byId('upload-progress');
  const bar = byId('progress-bar');
  const line = byId('progress-text');
  const button = byId('cancel-upload');
  const stop = new AbortController();
  const cancel = () => stop.abort();
  const sent = [];
  const problems = [];
  const max = facts().limits.file_bytes;
  button.addEventListener('click', cancel);
  box.hidden = false;
  for (const file of files) {
    if (file.size > max) {
      problems.push(`${file.name}: ${t('files.too_large', { size: humanSize(file.size, Math.ceil), max: humanSize(max) })}`);
      continue;
    }
    bar.value = 0;
    line.textContent = t('files.sending', { name: file.name, p: 0 });
    try {
      sent.push(await sendFile(file, (part) => {
        const percent = Math.floor(part * 100);
        bar.value = percent;
        line.textContent = t('files.sending', { name: file.name, p: percent });
      }, stop.signal));
    } catch (error) {
      problems.push(`${file.name}: ${error === null ? t('files.canceled') : errorText(error, 'files')}`);
      // What stops one of these stops the rest.
      if (error === null || ['rate_limited', 'storage_full', 'quota_exceeded', 'forbidden', 'unauthenticated', 'network'].includes(error.code)) break;
    }
  }
  button.removeEventListener('click', cancel);
  box.hidden = true;
  return { sent, problems };
}

/** Returns the results in a sentence or two. */
export function sentText(sent) {
  const text = sent.length === 1 ? t('files.sent', { name: sent[0].name }) : t('files.sent_many', { n: sent.length });
  const held = sent.filter((file) => isHeld(file.state) || file.state === 'infected').length;
  const pending = sent.some((file) => isPending(file.state));
  return [text, held ? t('files.sent_held', { n: held }) : '', pending ? t('held.pending') : ''].filter(Boolean).join(' ');
}
