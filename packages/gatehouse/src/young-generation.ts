import { setFlagsFromString } from 'node:v8'

/**
 * Keeps V8's space for new objects at the size that it has, to be called once the program has started. V8 doubles it, up to 32 MB,
 * whenever much of what is new lives on, as it does where many slow clients come, and gives nothing back while there is traffic.
 * A larger space is collected less often, and gains next to nothing here: nearly all that a request makes is gone with its answer.
 *
 * The flag is read whenever the space would grow. Its other form, the greatest size, would have to stand on Node's command line.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}
