// Marks as read: the end of the open room's messages, on a visible page in a window that has the focus.

/** Numbers read within this time are told at once: under the 120 a minute that the server takes. */
const REPORT_AFTER_MS = 600;

export class Reading {
  /** True if the end of the open room's messages is on the screen. */
  isAtEnd = true;
  #notify;
  #onread;
  #onaway;
  #due = new Set();
  #timer = 0;

  /** `notify(frame)` tells the server; `onread()` after a room's unread count changed; `onaway()` when no person looks any more. */
  constructor({ notify, onread, onaway }) {
    this.#notify = notify;
    this.#onread = onread;
    this.#onaway = onaway;
  }

  /** Follows the window; `current()` is the open room. */
  watch(current) {
    addEventListener('focus', () => this.look(current()));
    addEventListener('blur', () => this.#onaway());
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) {
        this.look(current());
        return;
      }
      this.#onaway();
      this.#report();
    });
    addEventListener('pagehide', () => this.#report());
  }

  /** Returns true if a person sees the newest message of the open room. */
  sees(room) {
    return this.isAtEnd && !document.hidden && document.hasFocus() && room.thread.element.isConnected;
  }

  /** Takes the open room as read up to its last message, if a person sees that. */
  look(room) {
    if (room?.state !== 'live' || !this.sees(room)) return;
    // Own messages count too, so that other devices are not asked to read on from before them.
    if (room.markRead(room.tracker.last)) this.#onread();
    if (room.read <= room.reported) return;
    this.#due.add(room);
    this.#timer ||= setTimeout(() => this.#report(), REPORT_AFTER_MS);
  }

  #report() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    for (const room of this.#due) {
      if (room.state !== 'live' || room.read <= room.reported) continue;
      room.reported = room.read;
      this.#notify({ type: 'read', room: room.code, seq: room.read });
    }
    this.#due.clear();
  }
}
