import { DriverException } from '@mikro-orm/core'

/**
 * PostgreSQL's appendix A: connection exceptions, a password or a database that is not right any more, the server stops or
 * starts, too many connections.
 */
const sqlStates = /^(08...|28...|3D000|57P0[1-5]|53300)$/
const socketFailures =
  /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)$/

/** Whether our own database, rather than what it was asked, is why a statement failed. */
export function isDatabaseGone(error: unknown): boolean {
  if (!(error instanceof DriverException)) return false
  const { code, cause, message } = error as DriverException & { code?: string; cause?: { code?: string } }
  return (
    [code, cause?.code].some((state) => sqlStates.test(state ?? '') || socketFailures.test(state ?? '')) ||
    /Connection terminated|timeout exceeded when trying to connect/.test(message)
  )
}
