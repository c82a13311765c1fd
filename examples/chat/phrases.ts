/** What people say in a shop's chat, by language. */
export interface Phrases {
  language: string
  subjects: string[]
  visitor: string[]
  agent: string[]
}

export const phrases: Phrases[] = [
  {
    language: 'en',
    subjects: ['Where is my order?', 'Refund', 'Wrong size', 'Invoice needed', 'Discount code "SAVE10"'],
    visitor: [
      'Hi, my parcel should have been here on Monday.',
      'The page shows <b>undefined</b> where the price should be.',
      'Order number is #10482, placed from my phone.',
      'It says =SUM(A1:A3) in the confirmation mail?!',
      'Can I swap it for the blue one?',
      'thanks 🙏',
      'no',
      'My address changed:\n12 Harbour Rd\nPenang',
    ],
    agent: [
      'Let me have a look at that for you.',
      'I have asked the warehouse; it leaves today.',
      'The refund is on its way, 3 to 5 working days.',
      'Could you send me a photo of the label?',
      'You are very welcome. Anything else?',
      'That code expired at midnight, but I can put it through by hand.',
    ],
  },
  {
    language: 'ms',
    subjects: ['Pesanan belum sampai', 'Tukar saiz', 'Bayaran balik'],
    visitor: [
      'Hai, bila barang saya sampai?',
      'Saya dah bayar guna FPX tapi status masih "pending".',
      'Boleh tukar saiz M ke L?',
      'Terima kasih banyak 😊',
      'Penghantaran ke Sabah berapa hari?',
    ],
    agent: [
      'Baik, sebentar ya, saya semak dahulu.',
      'Pesanan anda sudah keluar dari gudang pagi tadi.',
      'Bayaran balik mengambil masa 3–5 hari bekerja.',
      'Boleh hantarkan nombor pesanan?',
    ],
  },
  {
    language: 'zh',
    subjects: ['订单还没到', '退款问题', '发票'],
    visitor: [
      '你好，我的订单什么时候发货？',
      '颜色发错了，我要的是蓝色。',
      '可以开发票吗？',
      '好的，谢谢！👌',
      '地址写错了，能改吗？',
    ],
    agent: [
      '您好，请稍等，我帮您查一下。',
      '已经安排今天发出。',
      '退款会在三到五个工作日内到账。',
      '请提供一下订单号。',
    ],
  },
  {
    language: 'ta',
    subjects: ['ஆர்டர் வரவில்லை', 'பணம் திரும்ப'],
    visitor: ['வணக்கம், என் பொருள் எப்போது வரும்?', 'அளவு மாற்ற முடியுமா?', 'நன்றி 🙏'],
    agent: ['சற்று பொறுங்கள், பார்க்கிறேன்.', 'இன்று அனுப்பப்படும்.', 'ஆர்டர் எண்ணைத் தாருங்கள்.'],
  },
  {
    language: 'ar',
    subjects: ['أين طلبي؟', 'استرداد المبلغ'],
    visitor: ['مرحبا، متى يصل طلبي رقم 10482؟', 'المقاس غير مناسب.', 'شكراً جزيلاً 🌹'],
    agent: ['لحظة من فضلك، سأتحقق من ذلك.', 'تم شحن الطلب اليوم.', 'سيعود المبلغ خلال 3 إلى 5 أيام عمل.'],
  },
  {
    language: 'ru',
    subjects: ['Где мой заказ?', 'Возврат'],
    visitor: ['Здравствуйте, заказ №10482 не пришёл.', 'Можно поменять на другой размер?', 'Спасибо!'],
    agent: ['Одну минуту, проверяю.', 'Отправим сегодня же.', 'Деньги вернутся в течение 3–5 дней.'],
  },
]

export const botGreeting = '🤖 You are talking to our assistant. A colleague joins in a moment.'
export const agentNames = ['Farah', 'Wei Jie', 'Kavitha', 'Marco', '小林']
