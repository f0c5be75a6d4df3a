// The visible part of the page: a phone's keyboard covers a part of its height, which style sheets read as --visible-height; and what has
// the focus is brought into sight.

/** Covered by less, the page is under a browser's own bar and not under a keyboard. */
const KEYBOARD_PX = 120;
const view = window.visualViewport;
const root = document.documentElement;

function measure() {
  // Two fingers that zoom in change no layout.
  if (view.scale > 1.01) return;
  const keyboard = innerHeight - view.height > KEYBOARD_PX;
  root.toggleAttribute('data-keyboard', keyboard);
  if (keyboard) {
    root.style.setProperty('--visible-height', `${view.height}px`);
    root.style.setProperty('--visible-top', `${view.offsetTop}px`);
  } else {
    root.style.removeProperty('--visible-height');
    root.style.removeProperty('--visible-top');
  }
}

if (view) {
  view.addEventListener('resize', measure);
  view.addEventListener('scroll', measure);
  measure();
}

// Browsers are content with an edge of it. A pointer is on what it focused: that stays where it is.
document.addEventListener('focusin', ({ target }) => {
  if (target.matches(':focus-visible')) target.scrollIntoView({ block: 'nearest', inline: 'nearest' });
});
