import { platformProblems } from './problem-answers.ts'

/**
 * Before something is lost its name is typed. Checked here as well as shown there: a form can be sent without its page.
 * @param field where it was typed
 * @throws VALIDATION_FAILED pointing at the field
 */
export function requireTypedName(typed: string | undefined, expected: string, field = 'confirmation'): void {
  if (typed?.trim() === expected) return
  const detail = `must be "${expected}", typed exactly`
  throw platformProblems.VALIDATION_FAILED(`The name typed ${detail}.`, {
    errors: [{ pointer: `/${field}`, detail }],
  })
}
