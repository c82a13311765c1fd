interface Waiting<Ask, Answer> {
  ask: Ask
  settle(answer: Answer): void
  fail(error: unknown): void
}

/**
 * Lets those who ask the same kind of thing at the same time share one statement: who asks while one is under way goes
 * into the next. Each is answered by a statement that began after they asked, so nothing is remembered.
 * @param answer answers a group, in its order; when it fails, the whole group has failed
 */
export function inGroups<Ask, Answer>(
  answer: (asks: Ask[]) => Promise<Answer[]>,
): (ask: Ask) => Promise<Answer> {
  let waiting: Waiting<Ask, Answer>[] = []
  let isUnderWay = false

  async function answerAll(): Promise<void> {
    isUnderWay = true
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await answerGroup(group)
    }
    isUnderWay = false
  }

  async function answerGroup(group: Waiting<Ask, Answer>[]): Promise<void> {
    try {
      const answers = await answer(group.map(({ ask }) => ask))
      for (const [i, { settle }] of group.entries()) settle(answers[i]!)
    } catch (error) {
      for (const { fail } of group) fail(error)
    }
  }

  return (ask) =>
    new Promise((settle, fail) => {
      waiting.push({ ask, settle, fail })
      if (!isUnderWay) void answerAll()
    })
}
