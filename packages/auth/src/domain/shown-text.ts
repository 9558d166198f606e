/**
 * Whether a text from outside can be shown to people as it is: in one line, and without characters that nobody sees or that
 * turn other text around. Threat: a name that rewrites the sentence in which it stands.
 */
export const isShowable = (text: string): boolean => /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text)
