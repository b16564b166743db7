//! By what the demo model tells one kind of message from another.

use super::Intent;

/// How a message shows its intent. Signs are separated by `|`.
pub(super) struct Signs {
    pub(super) intent: Intent,
    /// Whole words.
    pub(super) words: &'static str,
    /// Parts of the text: without any spaces in Korean, of whole words in English.
    pub(super) parts: &'static str,
}

/// The first sign found decides.
pub(super) const KOREAN: &[Signs] = &[
    Signs {
        intent: Intent::Story,
        words: "동화|옛날얘기",
        parts: "이야기|얘기해줘|얘기해줄|얘기들려|얘기하나|동화하나|동화들려",
    },
    Signs {
        intent: Intent::MoreOfIt,
        words: "더|또|계속",
        parts: "하나더|더해줘|더들려|계속해|또해줘|그래서?|그다음",
    },
    Signs {
        intent: Intent::OwnName,
        words: "",
        parts: "내이름이뭐|내이름뭐|제이름이뭐|내이름기억|제이름기억|내이름알|제이름알|내가누구",
    },
    Signs {
        intent: Intent::TellsName,
        words: "",
        parts: "내이름은|제이름은",
    },
    Signs {
        intent: Intent::AsksName,
        words: "누구",
        parts: "\
            이름이뭐|이름뭐|이름은뭐|이름이어떻게|성함|누구야|누구세요|누구니|누구예요|\
            누구신|뭐라고불러",
    },
    Signs {
        intent: Intent::AsksNature,
        words: "",
        parts: "\
            인공지능|챗봇|ai야|ai예요|ai인가|ai니|ai맞|로봇이야|로봇이에요|로봇이니|로봇인가|진짜사람|\
            사람이야?|사람이에요?|사람인가요|사람맞|데모",
    },
    Signs {
        intent: Intent::Goodbye,
        words: "바이|바이바이|빠이|굿나잇|굿나이트",
        parts: "\
            안녕히|잘가|잘있어|잘자|또봐|또만나|다음에봐|내일봐|나중에봐|이만갈|가볼게|\
            갈게요|자러갈",
    },
    Signs {
        intent: Intent::Thanks,
        words: "땡큐",
        parts: "고마|고맙|감사",
    },
    Signs {
        intent: Intent::Sorry,
        words: "",
        parts: "미안|죄송",
    },
    Signs {
        intent: Intent::Sad,
        words: "아파|아파요",
        parts: "\
            슬프|슬퍼|슬픈|우울|힘들|힘드|외로|외롭|눈물|속상|지쳤|지친|피곤|괴로|울고싶|\
            그리워|싸웠|다퉜|헤어졌",
    },
    Signs {
        intent: Intent::Afraid,
        words: "",
        parts: "무서|무섭|불안|걱정|두려|두렵|긴장|떨려",
    },
    Signs {
        intent: Intent::Angry,
        words: "",
        parts: "화나|화났|화가나|화가났|짜증|열받|억울",
    },
    Signs {
        intent: Intent::Love,
        words: "",
        parts: "사랑해|좋아해요|너좋아|네가좋아|보고싶었",
    },
    Signs {
        intent: Intent::Glad,
        words: "",
        parts: "기뻐|기쁘|기뻤|행복|신나|신난|즐거|즐겁|설레|뿌듯|합격|최고야|기분좋|기분이좋",
    },
    Signs {
        intent: Intent::Help,
        words: "",
        parts: "도와|도움이필요|어떡해|어떡하",
    },
    Signs {
        intent: Intent::Laugh,
        words: "",
        parts: "ㅋㅋ|ㅎㅎ|푸하하|하하하",
    },
    Signs {
        intent: Intent::Greeting,
        words: "하이|헬로|방가",
        parts: "안녕|반가|반갑|좋은아침|처음뵙|오랜만",
    },
    Signs {
        intent: Intent::Question,
        words: "",
        parts: "\
            ?|？|무엇|뭐야|뭐예요|뭐니|뭘까|왜그|어떻게|언제|어디|누가|몇시|을까요|ㄹ까|\
            알려줘|알려주|설명해|궁금",
    },
    Signs {
        intent: Intent::Yes,
        words: "응|어|네|예|그래|좋아|맞아|ㅇㅇ|ㅇㅋ|오케이",
        parts: "그럼요|물론",
    },
    Signs {
        intent: Intent::No,
        words: "아니|아니요|아뇨|싫어|ㄴㄴ|별로",
        parts: "아니야|아니에요",
    },
];

/// Talking that is not a wish for a story.
pub(super) const KOREAN_TALK: &str =
    "이야기했|이야기를했|이야기를나|이야기나눴|이야기하고있|이야기중|이야기하다가";

/// The first sign found decides.
pub(super) const ENGLISH: &[Signs] = &[
    Signs {
        intent: Intent::Story,
        words: "story|stories|tale|tales|fairytale",
        parts: "",
    },
    Signs {
        intent: Intent::MoreOfIt,
        words: "more|continue|another",
        parts: "go on|and then|what happened next|one more",
    },
    Signs {
        intent: Intent::OwnName,
        words: "",
        parts: "my name ?|what is my name|whats my name|remember my name|know my name|who am i",
    },
    Signs {
        intent: Intent::TellsName,
        words: "",
        parts: "my name is|my names|call me",
    },
    Signs {
        intent: Intent::AsksName,
        words: "",
        parts: "your name|who are you|who re you|are you called|introduce yourself|call you",
    },
    Signs {
        intent: Intent::AsksNature,
        words: "chatbot|demo",
        parts: "\
            are you real|are you human|are you a person|are you a robot|are you a bot|are you ai|\
            are you an ai|language model|artificial intelligence",
    },
    Signs {
        intent: Intent::Goodbye,
        words: "bye|goodbye|farewell|goodnight|cya",
        parts: "good night|see you|have to go|gotta go|talk later|take care",
    },
    Signs {
        intent: Intent::Thanks,
        words: "thanks|thank|thx|ty|cheers",
        parts: "appreciate it",
    },
    Signs {
        intent: Intent::Sorry,
        words: "sorry|apologies|apologise|apologize",
        parts: "",
    },
    Signs {
        intent: Intent::Sad,
        words: "\
            sad|unhappy|lonely|depressed|miserable|crying|cry|tired|exhausted|heartbroken|\
            hurt|miss",
        parts: "feel down|feeling down|bad day|hard day|gave up",
    },
    Signs {
        intent: Intent::Afraid,
        words: "afraid|scared|anxious|worried|worry|nervous|fear|terrified",
        parts: "",
    },
    Signs {
        intent: Intent::Angry,
        words: "angry|mad|furious|annoyed|annoying|hate|unfair",
        parts: "fed up",
    },
    Signs {
        intent: Intent::Love,
        words: "",
        parts: "love you|like you|missed you",
    },
    Signs {
        intent: Intent::Glad,
        words: "happy|glad|excited|delighted|joy|wonderful|amazing|proud|yay",
        parts: "good news|great day|feel great",
    },
    Signs {
        intent: Intent::Help,
        words: "help|advice|stuck",
        parts: "what should i do",
    },
    Signs {
        intent: Intent::Laugh,
        words: "lol|lmao|haha|hahaha|hehe|rofl",
        parts: "",
    },
    Signs {
        intent: Intent::Greeting,
        words: "hello|hi|hey|hiya|greetings|howdy",
        parts: "good morning|good afternoon|good evening|nice to meet you|what s up",
    },
    Signs {
        intent: Intent::Question,
        words: "what|why|how|when|where|who|which|explain",
        parts: "?|tell me|do you|can you|could you|would you|is it|are there|should i",
    },
    Signs {
        intent: Intent::Yes,
        words: "yes|yeah|yep|ok|okay|sure|right|agreed",
        parts: "of course",
    },
    Signs {
        intent: Intent::No,
        words: "no|nope|nah|never",
        parts: "not really",
    },
];
