// Changes of messages: what a person asks for, and what the server tells of others and of oneself.
import { errorText } from './i18n.js';
import { showError } from './notice.js';

export const isChange = ({ type }) => ['edited', 'removed', 'reacted'].includes(type);

/** Reactions of a frame as a map: emoji → names. */
const reactionsOf = (all) => new Map((all ?? []).map(({ emoji, users }) => [emoji, users]));

/** A message of a frame, as the page keeps it. */
export const fromFrame = (frame) => ({ ...frame, reactions: reactionsOf(frame.reactions) });

/** Applies an `edited`, `removed` or `reacted` to a message. */
function apply(message, frame) {
  if (frame.type === 'edited') {
    message.text = frame.text;
    message.edited = frame.at;
  } else if (frame.type === 'removed') {
    message.isRemoved = true;
    message.text = '';
    message.reactions.clear();
  } else if (frame.reactions) message.reactions = reactionsOf(frame.reactions);
  else {
    const others = (message.reactions.get(frame.emoji) ?? []).filter((user) => user !== frame.user);
    if (frame.on) others.push(frame.user);
    if (others.length) message.reactions.set(frame.emoji, others);
    else message.reactions.delete(frame.emoji);
  }
}

/** Takes a frame of a change; returns false if the page does not have the message. */
export function applyChange(room, frame) {
  const message = room.thread.message(frame.seq);
  if (!message) return false;
  if (message.isRemoved) return true;
  apply(message, frame);
  room.thread.redraw(frame.seq, frame.type);
  if (frame.type === 'removed') room.forgetUnread(frame.seq);
  return true;
}

/** Asks for changes of messages in the open room. */
export class Changes {
  #request;

  /** `request(frame)` asks the server in the open room, and rejects where that is not possible. */
  constructor(request) {
    this.#request = request;
  }

  /** Resolves with true if the text was taken. */
  edit(seq, text) {
    return this.#ask({ type: 'edit', seq, text });
  }

  remove(seq) {
    return this.#ask({ type: 'remove', seq });
  }

  /** Adds a reaction, or takes it back. */
  react(seq, emoji) {
    return this.#ask({ type: 'react', seq, emoji });
  }

  async #ask(frame) {
    try {
      await this.#request(frame);
      return true;
    } catch (error) {
      showError(errorText(error, 'chat'));
      return false;
    }
  }
}
