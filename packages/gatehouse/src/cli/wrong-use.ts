/** Thrown where a command was given what there is not, or what does not fit together; it ends with exit code 2. */
export class WrongUseError extends Error {}
