// JSON calls. A failure is thrown as what the server said: { status, code, detail, retry_after }.

/** Thrown by every call here; `code` is the contract's, or `network` when nothing answered. */
export class CallError extends Error {
  constructor(status, problem = {}, retryAfter = null) {
    super(problem.code || 'network');
    this.status = status;
    this.code = problem.code || (status ? '' : 'network');
    this.detail = problem.detail || '';
    this.retry_after = problem.retry_after ?? (Number(retryAfter) || undefined);
  }
}

/** Reads the problem in a failed answer's body; anything that is no problem+json is an empty one. */
export function problemOf(text) {
  try {
    const problem = JSON.parse(text);
    return problem && typeof problem === 'object' ? problem : {};
  } catch {
    return {};
  }
}

let leaving = false;
addEventListener('submit', (event) => { leaving ||= event.target.getAttribute('action') === '/logout'; });
addEventListener('pageshow', () => { leaving = false; });

/** Says whether this page is signing out: what ends then is no surprise. */
export const isSigningOut = () => leaving;

/** `page` with the place to lead back to. A secret behind the `#`, such as an invitation, is not for the server. */
function withReturn(page) {
  const { pathname, search, hash } = location;
  const place = pathname + search + (/^#invitacion=/.test(hash) ? '' : hash);
  return `${page}?volver=${encodeURIComponent(place)}`;
}

/** Time that an open line of the chat may take to tell why the session ended: the server lets the answer go out first, 0.4 s. */
const REASON_MS = 1500;
let reasonComes = () => false;
/** `comes` says whether a line is open that will tell why a session ended. */
export function expectReason(comes) {
  reasonComes = comes;
}

/** Leads to the sign-in page, which says why the session ended, and back afterwards. `cause` is the word of the close frame; without it an
 * open line may tell it first, or that another tab has signed in meanwhile. Signing out leads there by itself. */
export function toLogin(cause) {
  if (leaving) return;
  if (!cause && reasonComes()) setTimeout(() => session('other').catch(() => {}), REASON_MS);
  else location.assign(`${withReturn('/login')}#${cause ?? 'other'}`);
}

function toChange() {
  if (location.pathname !== '/clave') location.assign(withReturn('/clave'));
}

/** One request; the answer, also 304. A dead session leads to the sign-in page, one that must change its password first to that. */
async function ask(method, url, body, { tag, cause } = {}) {
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (tag) headers['If-None-Match'] = tag;
  let answer;
  try {
    answer = await fetch(url, {
      method,
      credentials: 'same-origin',
      cache: 'no-store',
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new CallError(0);
  }
  if (answer.ok || answer.status === 304) return answer;
  const error = new CallError(answer.status, problemOf(await answer.text()), answer.headers.get('Retry-After'));
  if (error.code === 'unauthenticated') toLogin(cause);
  if (error.code === 'password_change_required') toChange();
  throw error;
}

/** One call; the answer's JSON, or null for 204. */
export async function call(method, url, body, cause) {
  const answer = await ask(method, url, body, { cause });
  return answer.status === 204 ? null : answer.json();
}

/** A part of a long list: { url, tag, total, next, items }. Returns `known` itself, read from there before, while it has not changed. */
export async function page(url, known) {
  const answer = await ask('GET', url, undefined, { tag: known?.tag });
  if (answer.status === 304) return known;
  const [, next = null] = /^<(\/[^>]*)>; rel="next"$/.exec(answer.headers.get('Link') ?? '') ?? [];
  return { url, tag: answer.headers.get('ETag'), total: Number(answer.headers.get('X-Total-Count')), next, items: await answer.json() };
}

/** The answers to `GET /api/session` and `GET /api/limits` as a page with navigation contains them: { session, limits }. */
export const facts = (of = document) => JSON.parse(of.getElementById('facts').value);

/** The session's person; one who must change the password first, perhaps since another tab signed in, is led there. `cause` as in `toLogin`. */
export async function session(cause) {
  const me = await call('GET', '/api/session', undefined, cause);
  if (me.must_change_password) toChange();
  return me;
}
