// The requests that make this person a member of a room: by its password, as its maker, or by an invitation.
import { fold } from './chat-core.js';
import { errorText, t } from './i18n.js';
import { showError, showInfo } from './notice.js';

export class Joining {
  #maxRooms;
  #rooms;
  #request;
  #onjoined;
  #onreturn;

  /** Calls `onjoined(room)` for a new membership, and `onreturn(room)` for a room that this person was in already. */
  constructor(maxRooms, rooms, { request, onjoined, onreturn }) {
    this.#maxRooms = maxRooms;
    this.#rooms = rooms;
    this.#request = request;
    this.#onjoined = onjoined;
    this.#onreturn = onreturn;
  }

  /** Joins a room that there is. Resolves with the error's code, or null. `unknown_room` is for the caller to say. */
  join(code, password) {
    return this.#join({ room: fold(code), password, kind: 'private', create: false }, 'unknown_room');
  }

  /** Creates a room. Resolves with the error's code, or null. `room_exists` is for the caller to say. */
  create(code, password, kind, label) {
    return this.#join({ room: fold(code), password, kind, create: true, ...(label ? { label } : {}) }, 'room_exists');
  }

  /** Joins the room of an invitation. Resolves with the error's code, or null. */
  byInvitation(invite) {
    return this.#join({ invite });
  }

  async #join(frame, expected) {
    const others = this.#rooms.all.filter((room) => room.state !== 'lost' && room.key !== frame.room);
    // An invitation may be to one of them.
    if (frame.room && others.length >= this.#maxRooms) {
      showError(t('join.own_rooms', { n: this.#maxRooms }));
      return 'too_many_rooms';
    }
    let joined;
    try {
      joined = await this.#request({ type: 'join', ...frame });
    } catch (error) {
      if (error.code !== expected) showError(errorText(error, 'join'));
      return error.code;
    }
    const known = this.#rooms.find(joined.room);
    // A member who follows an invitation misses nothing: `enter` brings what is lacking.
    if (frame.invite && known && known.state !== 'lost') {
      this.#onreturn(known);
      return null;
    }
    const room = known ?? this.#rooms.add({ code: joined.room, kind: joined.kind, label: joined.label });
    room.joinedAnew(joined);
    const isAlone = joined.members.length <= 1;
    room.thread.showHint(joined.created ? 'created' : joined.seq > 0 || !isAlone ? 'newcomer' : 'empty');
    this.#onjoined(room);
    const said = frame.invite ? 'invite.joined' : joined.created ? 'join.created' : 'join.joined';
    showInfo(t(said, { room: room.code }), `room ${room.key}`);
    return null;
  }
}
