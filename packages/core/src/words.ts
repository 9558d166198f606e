/** The words of a list as a column has it: with one space between two, or empty. */
export const splitWords = (text: string): readonly string[] => text.split(' ').filter(Boolean)
