const dayMs = 86_400_000

/** The scale's length in the drawing's own units, and how much of it is the age that is still fresh. */
const [length, freshPart] = [100, 0.75]

/**
 * The age of a snapshot on a scale of which the first three quarters are fresh enough.
 * @param maxDays how old it may be
 */
export function drawAge(takenAt: Date, now: Date, maxDays: number) {
  const days = Math.max(0, (now.getTime() - takenAt.getTime()) / dayMs)
  const part = Math.min(1, (days / maxDays) * freshPart)
  return {
    length,
    limit: length * freshPart,
    // Never nothing at all: a bar of no length looks like no snapshot.
    at: Math.max(2, Math.round(part * length * 10) / 10),
    tone: days > maxDays ? 'warn' : 'good',
    words:
      days < 1 ? `Less than a day old, of ${maxDays} days` : `${Math.floor(days)} of ${maxDays} days old`,
  }
}
