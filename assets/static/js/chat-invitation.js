// Invitations to rooms: the dialog that makes one, and the use of one that led here.
import { call } from './api.js';
import { copyText } from './clipboard.js';
import { byId } from './dom.js';
import { errorText, t } from './i18n.js';
import { forgetInvitation, invitation } from './invitation.js';
import { fullTime } from './times.js';

/** After these errors the same invitation may be good later. */
const WAIT_FOR = ['network', 'rate_limited'];
const RETRY_MS = 3000;

/** Uses the invitation that led to this page, once there is a connection. */
export class Guest {
  #state;
  #isAsking = false;
  #timer = 0;

  constructor(state) {
    this.#state = state;
    state.addEventListener('connection', ({ detail }) => { if (detail.state === 'online') this.use(); });
  }

  async use() {
    const token = invitation();
    clearTimeout(this.#timer);
    if (!token || this.#isAsking || !this.#state.online) return;
    this.#isAsking = true;
    const error = await this.#state.joining.byInvitation(token);
    this.#isAsking = false;
    if (WAIT_FOR.includes(error)) this.#timer = setTimeout(() => this.use(), RETRY_MS);
    else if (invitation() === token) forgetInvitation();
    else this.use();
  }
}

/** The dialog that makes an invitation to the open room. */
export class InvitationDialog {
  #dialog = byId('invite-dialog');
  #room = null;

  constructor(state) {
    for (const option of byId('invite-uses').options) option.text = t('people', { n: Number(option.value) });
    byId('invite').addEventListener('click', () => this.#open(state.current));
    byId('invite-form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#make();
    });
    for (const id of ['invite-cancel', 'invite-close']) byId(id).addEventListener('click', () => this.#dialog.close());
    byId('invite-copy').addEventListener('click', () => this.#copy());
    byId('invite-link').addEventListener('focus', () => byId('invite-link').select());
    this.#dialog.addEventListener('close', () => this.#clear());
  }

  #open(room) {
    this.#room = room;
    this.#clear();
    byId('invite-room').textContent = room.code;
    this.#dialog.showModal();
  }

  /** Leaves no link in the page. */
  #clear() {
    byId('invite-form').hidden = false;
    byId('invite-made').hidden = true;
    byId('invite-error').hidden = true;
    byId('invite-link').value = '';
    byId('invite-qr').removeAttribute('src');
    byId('invite-status').textContent = '';
  }

  async #make() {
    const uses = Number(byId('invite-uses').value);
    const button = byId('invite-make');
    const room = this.#room;
    button.disabled = true;
    byId('invite-error').hidden = true;
    try {
      const path = `/api/rooms/${encodeURIComponent(room.code)}/invites`;
      const made = await call('POST', path, { hours: Number(byId('invite-hours').value), uses });
      if (this.#dialog.open && this.#room === room) this.#show(made, uses);
    } catch (error) {
      byId('invite-error').textContent = errorText(error, 'invite');
      byId('invite-error').hidden = false;
    } finally {
      button.disabled = false;
    }
  }

  #show({ url, expires_at: until, qr }, uses) {
    byId('invite-form').hidden = true;
    byId('invite-made').hidden = false;
    byId('invite-link').value = location.origin + url;
    byId('invite-qr').hidden = !qr;
    if (qr) byId('invite-qr').src = `data:image/svg+xml,${encodeURIComponent(qr)}`;
    byId('invite-until').textContent = t('invite.until', { n: uses, at: fullTime(until) });
    byId('invite-copy').focus();
  }

  async #copy() {
    const copied = await copyText(byId('invite-link').value);
    byId('invite-status').textContent = t(copied ? 'invite.copied' : 'chat.copy_failed');
    if (!copied) byId('invite-link').focus();
  }
}
