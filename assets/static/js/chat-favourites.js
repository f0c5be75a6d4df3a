// Rooms that a person wants at hand, kept by this browser.
import { fold } from './chat-core.js';
import { Storage } from './chat-storage.js';

/** Tells of each `change`. */
export class Favourites extends EventTarget {
  #storage;

  constructor(me) {
    super();
    this.#storage = new Storage(me);
  }

  /** `[{ code, kind, label }]` */
  get list() {
    return this.#storage.favourites();
  }

  has(code) {
    return this.list.some((one) => fold(one.code) === fold(code));
  }

  toggle({ code, kind, label }) {
    const others = this.list.filter((one) => fold(one.code) !== fold(code));
    this.#storage.saveFavourites(this.has(code) ? others : [...others, { code, kind, label }]);
    this.dispatchEvent(new Event('change'));
  }
}
