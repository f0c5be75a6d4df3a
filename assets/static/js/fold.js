// Text as it is compared and searched.

/** Without case and accents; a small sigma is the same at the end of a word. */
export const foldAccents = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ς', 'σ');
