/**
 * Stands in for the model that writes conversations. The same item gives the same conversation, so that doing it twice
 * does no harm: what a worker must be able to bear.
 * @param {{ id: string, payload: { persona?: string, topic?: string } | null }} item
 */
export function generateConversation({ id, payload }) {
  const { persona = 'Somebody', topic = 'something' } = payload ?? {}
  if (topic === '') throw new Error('There is no topic to talk about.')
  return {
    id,
    persona,
    turns: [
      { sequence: 1, role: 'user', content: `${persona} wants to talk about ${topic}.` },
      { sequence: 2, role: 'assistant', content: `Gladly. What about ${topic} in particular?` },
    ],
  }
}
