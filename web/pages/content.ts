/** What the component page talks about, in a language that is written from the left and one from the right. */
export interface Content {
  readonly title: string;
  readonly paragraphs: readonly string[];
  /** Passages of the paragraphs. */
  readonly passages: readonly string[];
  readonly gone: string;
  readonly changed: string;
  readonly names: readonly string[];
  readonly comments: readonly string[];
  readonly longWord: string;
}

const en: Content = {
  title: "How gardens remember water",
  paragraphs: [
    "A garden that is watered every evening forgets how to look for water. Its roots stay near the surface, where the can reaches, and the first hot week without it finds them there.",
    "Water seldom and deeply instead. The soil dries from above, and roots follow the damp downwards: after one summer most perennials stand a fortnight of heat without help.",
    "Mulch does the rest. Four fingers of chopped leaves keep the ground cool, feed the worms, and save about half of what would evaporate. Leave a hand's width free around each stem, or it rots.",
    "None of this needs a meter or a schedule. Push a finger into the soil: if the second joint comes out dry, water; if not, do something else with the evening.",
  ],
  passages: ["forgets how to look for water", "Water seldom and deeply", "save about half of what would evaporate", "Push a finger into the soil", "Four fingers of chopped leaves", "a fortnight of heat without help"],
  gone: "Clay pots sunk between the rows give off water slowly",
  changed: "The soil dries from below, and roots follow the damp down: after two summers most perennials",
  names: ["Marta Lindqvist", "Joseph Okafor", "Priya N.", "Tom"],
  comments: [
    "Is that true of trees as well? Ours get a bucket every day and look fine.",
    "Young trees, yes. After the third year they have gone deeper than any bucket reaches.",
    "I tried it last summer:\nfirst two weeks were frightening, then everything stood up again.",
    "Half seems a lot. Where does the number come from?",
    "Works in clay. In sand I have to do it twice.",
    "Thanks, this convinced me.",
  ],
  longWord: "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft https://example.org/a/very/long/address/without/any/break/that-goes-on-and-on-and-on",
};

const ar: Content = {
  title: "كيف تتذكّر الحدائق الماء",
  paragraphs: [
    "الحديقة التي تُسقى كل مساء تنسى كيف تبحث عن الماء. تبقى جذورها قرب السطح حيث يصل الإبريق، ويجدها أول أسبوع حار بلا سقاية هناك.",
    "اسقِ نادرًا وبعمق بدلًا من ذلك. تجف التربة من الأعلى فتتبع الجذور الرطوبة نحو الأسفل، وبعد صيف واحد تصمد معظم النباتات المعمّرة أسبوعين من الحر دون مساعدة.",
    "والباقي على الغطاء العضوي: أربع أصابع من الأوراق المقطّعة تُبقي الأرض باردة وتغذّي الديدان وتوفّر نحو نصف ما كان سيتبخر.",
    "لا يحتاج أي من هذا إلى عدّاد أو جدول. اغرس إصبعك في التربة: إن خرج جافًا فاسقِ، وإلا فاقضِ المساء في شيء آخر.",
  ],
  passages: ["تنسى كيف تبحث عن الماء", "اسقِ نادرًا وبعمق", "توفّر نحو نصف ما كان سيتبخر", "اغرس إصبعك في التربة", "أربع أصابع من الأوراق المقطّعة", "أسبوعين من الحر دون مساعدة"],
  gone: "الأواني الفخارية المدفونة بين الصفوف تُخرج الماء ببطء",
  changed: "تجف التربة من الأسفل فتتبع الجذور الرطوبة إلى تحت، وبعد صيفين تصمد معظم النباتات",
  names: ["مريم العلي", "يوسف حدّاد", "سلمى ك.", "Tom"],
  comments: [
    "هل ينطبق هذا على الأشجار أيضًا؟ نسقي أشجارنا دلوًا كل يوم وتبدو بخير.",
    "نعم للأشجار الصغيرة. بعد السنة الثالثة تصل جذورها إلى أعمق مما يبلغه أي دلو.",
    "جرّبت ذلك الصيف الماضي:\nكان أول أسبوعين مخيفين ثم انتعش كل شيء.",
    "النصف يبدو كثيرًا. من أين جاء هذا الرقم؟",
    "ينجح في التربة الطينية. أما في الرملية فأسقي مرتين.",
    "شكرًا، لقد أقنعني هذا.",
  ],
  longWord: "وسيستخدمونهاوسيستخدمونهاوسيستخدمونهاوسيستخدمونهاوسيستخدمونهاوسيستخدمونها https://example.org/a/very/long/address/without/any/break/that-goes-on-and-on",
};

export const CONTENT: Readonly<Record<string, Content>> = { en, ar };
