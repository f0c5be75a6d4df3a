// Copies text.
import { make } from './dom.js';

/** Copies a text, also on a page that is no secure context; resolves with true if it is copied. */
export async function copyText(text) {
  try {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Refused: the old way may still be allowed.
  }
  const field = make('textarea', { class: 'visually-hidden', readonly: true, 'aria-hidden': 'true', tabindex: '-1' });
  const before = document.activeElement;
  field.value = text;
  // A modal dialog lets nothing outside it be selected.
  (document.querySelector('dialog:modal') ?? document.body).append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  before?.focus();
  return copied;
}
