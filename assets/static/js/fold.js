// Text as it is compared and searched.

/** Without case and accents. */
export const foldAccents = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
