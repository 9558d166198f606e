/** Of format and line characters, and of controls those that JSON lets stand as they are. */
const unseen = /[\u007f-\u009f\p{Cf}\u2028\u2029]/gu

/**
 * JSON text in which no character stands raw that is not seen: controls, overrides of the direction, zero widths, tags. Each is the
 * \uXXXX that any parser reads as the same character (RFC 8259 section 7), beyond U+FFFF the two of its surrogate pair.
 * Threat: what strangers send must neither steer the terminal of whoever looks at it nor make a line read as another.
 * Cost: one search of the text where there is none of them.
 */
export const escapeUnseen = (json: string): string => json.replace(unseen, spell)

const spell = (character: string): string =>
  character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
