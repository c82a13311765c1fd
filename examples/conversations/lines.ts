export const personas = [
  'Patient teacher',
  'Sceptical engineer',
  'Travelling cook',
  'Night nurse',
  'Retired judge',
  'Curious child',
  'Öko-Landwirtin',
  '落語家',
]

export const topics = [
  'AI ethics',
  'bread at altitude',
  'undoing a mistake',
  'reading a balance sheet',
  'the offside rule',
  '茶道の心得',
  'квантовая запутанность',
  'سوق العمل',
  'beekeeping 🐝',
  'how tides work',
]

export const questions = [
  'Can you explain that as if I had never heard of it?',
  'But why does it matter?',
  'What would you do in my place?',
  'Give me an example with numbers, please.',
  'もう少し詳しく教えてください。',
  'А если всё пойдёт не так?',
  'هل يمكنك إعطائي مثالاً؟',
  'Ist das nicht ein Widerspruch?',
  'ok 👍 and then?',
]

export const answers = [
  'Think of it as a ledger: every entry has a counterpart, and nothing is ever rubbed out.',
  'There are three parts to it.\n1. What you see.\n2. What you measure.\n3. What you can undo.',
  'Start small. If the first step can be taken back, take it.',
  'それは良い質問ですね。順番に考えてみましょう。',
  'Представьте, что у вас есть копия каждой строки — и вы можете проверить её.',
  'بالتأكيد. لنفترض أن لديك مئة سجل، وحذفت واحداً منها بالخطأ.',
  'In code that would be `path = "C:\\temp\\new"`, and the backslashes matter.',
  'Genau genommen: ja. Aber der Widerspruch löst sich auf, sobald man die Zeit mitbetrachtet.',
  '| step | cost |\n|---|---|\n| plan | 1 |\n| apply | 10 |',
  'Honestly? I would ask someone who has done it before. 🙂',
]
