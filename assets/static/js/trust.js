// Tries whether this browser trusts this device, and whether sockets work. The words stand in the page; this only says which hold.

/** An answer that takes longer does not come. */
const PATIENCE_MS = 8000;

// The script has come.
document.querySelector('.incomplete')?.remove();

const here = document.querySelector('#open-pichat').href;

/** Without scripts the boxes are not shown. */
for (const box of document.querySelectorAll('.check')) box.dataset.state = 'checking';

function show(id, state) {
  const box = document.querySelector(id);
  if (box) box.dataset.state = state ? 'yes' : 'no';
}

/** A browser that does not trust the certificate makes no connection, and says no more than that. */
async function trusted() {
  const patience = new AbortController();
  const late = setTimeout(() => patience.abort(), PATIENCE_MS);
  try {
    const options = { mode: 'cors', credentials: 'omit', cache: 'no-store', signal: patience.signal };
    const answer = await fetch(new URL('/api/trusted', here), options);
    return answer.ok && (await answer.json()).trusted === true;
  } catch {
    return false;
  } finally {
    clearTimeout(late);
  }
}

/** The device closes this socket in good order as soon as it is open. */
function socketWorks() {
  return new Promise((tell) => {
    const socket = new WebSocket(new URL('/ws/check', here).href.replace(/^http/, 'ws'));
    const late = setTimeout(() => socket.close(), PATIENCE_MS);
    socket.addEventListener('close', (event) => {
      clearTimeout(late);
      tell(event.wasClean && event.code === 1000);
    });
  });
}

const good = await trusted();
show('#trust', good);
if (document.querySelector('#connection')) show('#connection', good && (await socketWorks()));

// Who only wanted PiChat and typed its name is there. The page stays under its own address.
if (good && location.pathname === '/') location.replace(here);
