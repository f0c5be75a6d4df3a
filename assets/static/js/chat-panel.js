// The open room: header, messages, who is there, who types.
import { hue, initial } from './chat-core.js';
import { byId, make } from './dom.js';
import { t } from './i18n.js';

/** This near the end counts as being at the end. */
const NEAR_PX = 60;
const wide = matchMedia('(min-width: 1180px)');

export class Panel {
  #me;
  #room = null;
  #atEnd = true;
  #below = 0;
  #height = 0;
  /** Null until the person folds or unfolds the list: then the width decides. */
  #wantsMembers = null;

  constructor(me) {
    this.#me = me;
    this.log = byId('messages');
    this.log.addEventListener('scroll', () => {
      // Not a person's scrolling but a smaller window: the observer below answers that.
      if (this.log.clientHeight !== this.#height) return;
      this.#atEnd = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_PX;
      if (this.#atEnd) this.#below = 0;
      this.#drawDown();
    }, { passive: true });
    // A phone's keyboard, a growing composer: whoever read the end still reads it.
    new ResizeObserver(() => {
      this.#height = this.log.clientHeight;
      if (this.#atEnd) this.scrollToEnd();
    }).observe(this.log);
    byId('to-end').addEventListener('click', () => this.scrollToEnd());
    byId('show-members').addEventListener('click', () => this.#toggleMembers(byId('members-panel').hidden));
    byId('hide-members').addEventListener('click', () => this.#toggleMembers(false));
    byId('members-panel').addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !wide.matches) this.#toggleMembers(false);
    });
    wide.addEventListener('change', () => { this.#wantsMembers = null; this.#drawMembersShown(); });
  }

  /** Opens a room, or closes the panel with null. */
  show(room) {
    this.#room = room;
    byId('panel').hidden = !room;
    if (!wide.matches) this.#wantsMembers = null;
    this.#drawMembersShown();
    // Busy: a screen reader shall not read the whole room out when it is opened.
    this.log.setAttribute('aria-busy', 'true');
    this.log.replaceChildren(...(room ? [room.thread.element] : []));
    this.log.setAttribute('aria-busy', 'false');
    this.#below = 0;
    if (!room) return;
    byId('panel').setAttribute('aria-labelledby', `tab-${room.code}`);
    this.refresh();
    this.scrollToEnd();
    const newLine = this.log.querySelector('.new-divider');
    if (newLine && newLine.offsetTop < this.log.scrollTop) newLine.scrollIntoView({ block: 'start' });
  }

  refresh() {
    const room = this.#room;
    if (!room) return;
    byId('open-room-code').textContent = room.code;
    byId('open-room-meta').textContent = `${t(`kind.${room.kind}`)} · ${t('people', { n: room.members.length })}`;
    byId('seat-lost').hidden = room.state !== 'lost';
    byId('members').replaceChildren(...room.members.map((name) => make('li', { class: `hue${hue(name)}`, 'data-name': name },
      make('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(name)), make('span', { class: 'member-name', translate: 'no' }, name),
      name === this.#me ? make('span', { class: 'muted small' }, t('chat.you')) : null)));
    this.typing();
  }

  typing() {
    const names = this.#room ? this.#room.typists(performance.now()) : [];
    const key = names.length > 2 ? 'chat.typing3' : `chat.typing${names.length}`;
    byId('typing').textContent = names.length ? t(key, { a: names[0], b: names[1] }) : '';
  }

  onContentAdded(own, isMessage = true) {
    if (own || this.#atEnd) this.scrollToEnd();
    else if (isMessage) {
      this.#below += 1;
      this.#drawDown();
    }
  }

  scrollToEnd() {
    this.log.scrollTop = this.log.scrollHeight;
    this.#atEnd = true;
    this.#below = 0;
    this.#drawDown();
  }

  #drawDown() {
    byId('to-end').hidden = this.#atEnd;
    byId('to-end-text').textContent = this.#below ? t('chat.below', { n: this.#below }) : t('chat.down');
  }

  #toggleMembers(show) {
    this.#wantsMembers = show;
    this.#drawMembersShown();
    if (show && !wide.matches) byId('hide-members').focus();
    if (!show) byId('show-members').focus();
  }

  #drawMembersShown() {
    const shown = Boolean(this.#room) && (this.#wantsMembers ?? wide.matches);
    byId('members-panel').hidden = !shown;
    byId('show-members').setAttribute('aria-expanded', String(shown));
  }
}
