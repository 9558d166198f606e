/**
 * Whether a text from outside can be shown to people as it is: in one line, and without characters that nobody sees or that
 * turn other text around. Threat: a name that rewrites the sentence in which it stands.
 */
export const isShowable = (text: string): boolean => /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text)

/**
 * A text with a space wherever a program would make a link of it: in addresses of the web and of mail. Characters that nobody sees
 * would not do, since browsers leave them out of a name; and they read letters in circles and the like as the letters. Spec: UTS 46
 * section 4. Threat: a text from outside that becomes a link.
 */
export const withoutLinks = (text: string): string =>
  text.replace(/(?<=[:/\\@.\u3002\uff0e\uff61])(?=[\p{L}\p{M}\p{S}])|(?<=:)(?=\/)/gu, ' ')
