// The people of the open room, beside it or over it.
import { hue, initial } from './chat-core.js';
import { byId, cutInTheMiddle, make } from './dom.js';
import { t } from './i18n.js';

const wide = matchMedia('(min-width: 1180px)');

export class People {
  #me;
  #room = null;
  /** The list of people that is drawn; a room has another one after each change. */
  #drawn = null;
  /** Null until the person folds or unfolds the list: then the width decides. */
  #wanted = null;

  constructor(me) {
    this.#me = me;
    byId('show-members').addEventListener('click', () => this.#toggle(byId('members-panel').hidden));
    byId('hide-members').addEventListener('click', () => this.#toggle(false));
    byId('members-panel').addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !wide.matches) this.#toggle(false);
    });
    wide.addEventListener('change', () => {
      this.#wanted = null;
      this.#drawShown();
    });
  }

  show(room) {
    this.#room = room;
    if (!wide.matches) this.#wanted = null;
    this.#drawShown();
  }

  refresh() {
    this.#drawShown();
    if (!this.#room || this.#room.members === this.#drawn) return;
    this.#drawn = this.#room.members;
    byId('members').replaceChildren(...this.#room.members.map(({ user, state }) => make('li', { class: `hue${hue(user)}`, 'data-name': user, 'data-state': state },
      make('span', { class: 'avatar', 'aria-hidden': 'true' }, initial(user)),
      make('span', { class: 'member-facts' },
        make('span', { class: 'member-name cut', translate: 'no', title: user }, ...cutInTheMiddle(user)),
        make('span', { class: 'member-state small' }, user === this.#me ? t('chat.you') : t(`presence.${state}`))))));
  }

  #toggle(show) {
    this.#wanted = show;
    this.#drawShown();
    if (show && !wide.matches) byId('hide-members').focus();
    if (!show) byId('show-members').focus();
  }

  #drawShown() {
    // A room that is lost has no people to show.
    const isKnown = Boolean(this.#room) && this.#room.state !== 'lost';
    const shown = isKnown && (this.#wanted ?? wide.matches);
    byId('show-members').disabled = !isKnown;
    byId('members-panel').hidden = !shown;
    byId('show-members').setAttribute('aria-expanded', String(shown));
  }
}
