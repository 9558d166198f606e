import { WrongUseError } from './wrong-use.ts'

/**
 * A secret from standard input (its first line) or, on a terminal, from a prompt that shows nothing. Never from an
 * argument, where every process of the machine could read it. `confirm`: a prompt asks twice.
 */
export async function readSecret(question: string, { confirm = true } = {}): Promise<string> {
  if (!process.stdin.isTTY) {
    const text = await readAll()
    const [line = ''] = text.split(/\r?\n/, 1)
    if (line === '') throw new Error('no secret on standard input; give it there, or run this on a terminal')
    return line
  }
  const first = await ask(question)
  if (confirm && (await ask(`${question} again`)) !== first) throw new Error('the two do not match')
  return first
}

async function ask(question: string): Promise<string> {
  // Loaded here: most commands, and the service itself, never ask anything.
  const { isCancel, password: askPassword } = await import('@clack/prompts')
  const given = await askPassword({ message: question })
  if (isCancel(given) || given === undefined) throw new Error('cancelled')
  return given
}

/**
 * Asks on a terminal whether something that cannot be undone is meant. Throws where the answer is no, and where there is no
 * terminal to ask: a script says it by an option.
 */
export async function confirm(question: string, option: string): Promise<void> {
  // The question goes to standard error, beside the answer in JSON: where nobody sees it, nobody is asked.
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new WrongUseError(`${question} There is no terminal to ask: say ${option}`)
  const { confirm: ask } = await import('@clack/prompts')
  if ((await ask({ message: question, initialValue: false, output: process.stderr })) !== true)
    throw new Error('cancelled')
}

async function readAll(): Promise<string> {
  let text = ''
  process.stdin.setEncoding('utf8')
  for await (const chunk of process.stdin) text += chunk
  return text
}
