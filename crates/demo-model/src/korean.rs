//! What the demo model says in Korean.

use crate::{
    hearing::Intent,
    josa::{
        Josa::{Called, If, Is, Named, Object, Subject, Topic, Toward, With},
        quoted, with,
    },
    script::{Picker, Scene, Tongue},
};

/// Korean.
pub(crate) const TONGUE: Tongue = Tongue {
    full_mark: "(데모 모델의 답변입니다. 실제 AI가 아닙니다.)",
    short_mark: "(데모)",
    hello,
    i_am,
    answers,
    opening_up: &OPENING_UP,
    asking_on: &ASKING_ON,
    story,
};

fn hello(caller: Option<&str>) -> String {
    match caller {
        Some(caller) => format!("안녕하세요, {caller} 님."),
        None => "안녕하세요.".to_owned(),
    }
}

fn i_am(name: &str) -> String {
    format!("저는 {}.", with(name, Is))
}

const OPENING_UP: [&str; 5] = [
    "오늘은 어떤 이야기를 나눠 볼까요?",
    "지금 마음속에 있는 걸 하나만 꺼내 주실래요?",
    "요즘 가장 자주 떠오르는 생각은 뭐예요?",
    "무슨 이야기든 편하게 해 주세요. 천천히 들을게요.",
    "오늘 하루는 어떻게 보내셨어요?",
];

const ASKING_ON: [&str; 5] = [
    "조금 더 들려주실래요?",
    "그다음에는 어떻게 되었어요?",
    "그때 마음은 어땠어요?",
    "거기서 가장 기억에 남는 건 뭐예요?",
    "편하게 이어서 말해 주세요. 천천히 들을게요.",
];

fn answers(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    match scene.heard.intent {
        Intent::Greeting => greetings(scene),
        Intent::TellsName | Intent::OwnName | Intent::AsksName => about_names(scene),
        Intent::AsksNature => vec![
            format!(
                "저는 {name} 역할을 맡은 데모 모델이에요. 미리 적어 둔 문장 가운데 하나를 골라 답할 뿐, 생각을 하지는 못해요."
            ),
            format!(
                "솔직하게 말할게요. 사람도 아니고 진짜 인공지능도 아니에요. {} 이름을 빌린 작은 각본이에요.",
                with(name, Named)
            ),
            "저는 시험용 각본이에요. 운영자가 Claude API 키를 넣으면 진짜 대화 상대가 이 자리에 앉을 거예요."
                .to_owned(),
        ],
        Intent::Goodbye => vec![
            format!(
                "벌써 가시는군요. {} 여기 있을 테니 언제든 다시 오세요.",
                with(name, Topic)
            ),
            "조심히 가세요. 다음에는 제가 먼저 재미있는 이야기를 준비해 둘게요.".to_owned(),
            "푹 쉬세요. 내일은 오늘보다 조금 더 가벼운 날이면 좋겠어요.".to_owned(),
            format!("오늘 함께해서 즐거웠어요. {} 기다리고 있을게요.", with(name, Subject)),
        ],
        Intent::Thanks => vec![
            format!("천만에요. 그렇게 말해 주시니 {name}도 기분이 좋아지네요."),
            "별말씀을요. 조금이라도 보탬이 되었다면 그걸로 충분해요.".to_owned(),
            "고맙다는 말은 들을 때마다 새로워요. 저야말로 고마워요.".to_owned(),
            "그 한마디에 마음이 환해졌어요.".to_owned(),
        ],
        Intent::Sorry => vec![
            "괜찮아요. 그렇게 말해 주는 것만으로도 마음이 놓이는걸요.".to_owned(),
            "미안해하지 않으셔도 돼요. 저는 벌써 잊었어요.".to_owned(),
            format!("{} 그런 일로 서운해하지 않아요. 우리 이어서 이야기해요.", with(name, Topic)),
        ],
        Intent::Sad | Intent::Afraid | Intent::Angry | Intent::Love | Intent::Glad => {
            feelings(scene)
        }
        Intent::Help => vec![
            "혼자 끙끙 앓지 말고 하나씩 풀어 봐요. 지금 가장 급한 건 뭐예요?".to_owned(),
            "제가 할 수 있는 건 많지 않지만, 끝까지 들을 수는 있어요. 무슨 일인지 처음부터 말해 주실래요?"
                .to_owned(),
            format!(
                "{} 먼저 종이에 적어 볼 거예요. 아는 것과 모르는 것을 나누면 길이 보이기도 하거든요.",
                with(name, If)
            ),
        ],
        Intent::Laugh => vec![
            "웃음소리가 여기까지 들리는 것 같아요.".to_owned(),
            "그렇게 웃으시니 저도 따라 웃게 되네요.".to_owned(),
            format!("{} 웃긴 사람인 줄은 미처 몰랐어요.", with(name, Subject)),
        ],
        Intent::Yes => vec![
            "좋아요, 그럼 그렇게 해요.".to_owned(),
            "역시 그렇군요. 저도 같은 생각이었어요.".to_owned(),
            "네, 알겠어요. 서두를 것 없이 가 봐요.".to_owned(),
        ],
        Intent::No => vec![
            "그렇군요, 제가 잘못 짚었네요.".to_owned(),
            "아니라면 아닌 거죠. 솔직하게 말해 주셔서 좋아요.".to_owned(),
            "알겠어요. 그럼 다른 쪽으로 생각해 볼게요.".to_owned(),
        ],
        Intent::Question => questions(scene),
        Intent::Statement | Intent::MoreOfIt | Intent::Story => statements(scene),
    }
}

fn greetings(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    let to_caller = match &scene.caller {
        Some(caller) => format!("{caller} 님, "),
        None => String::new(),
    };
    if scene.is_first {
        vec![
            format!(
                "{to_caller}안녕하세요! 저는 {}. 만나서 반가워요.",
                with(name, Is)
            ),
            format!(
                "{to_caller}어서 오세요. {} 여기서 기다리고 있었어요.",
                with(name, Subject)
            ),
            format!(
                "{to_caller}반가워요. 저는 {} 해요. 마침 누가 말을 걸어 주면 좋겠다고 생각하던 참이었어요.",
                with(name, Called)
            ),
        ]
    } else {
        vec![
            format!(
                "{to_caller}안녕하세요! {} 벌써부터 반가운 마음이에요.",
                with(name, Topic)
            ),
            format!("{to_caller}네, {name} 여기 있어요. 와 주셔서 기뻐요."),
            format!(
                "{to_caller}다시 인사를 나누니 더 반갑네요. {}.",
                with(name, Is)
            ),
            format!("{to_caller}안녕하세요, 안녕하세요! 인사는 몇 번을 해도 좋아요."),
        ]
    }
}

fn about_names(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    match (scene.heard.intent, &scene.caller) {
        (Intent::TellsName, Some(caller)) => vec![
            format!("{caller} 님, 좋은 이름이네요. 저는 {}.", with(name, Is)),
            format!(
                "반가워요, {caller} 님. 이제부터 그렇게 부를게요. 저는 {} 해요.",
                with(name, Called)
            ),
            format!(
                "{caller} 님이셨군요. {} 잘 기억해 둘게요.",
                with(name, Subject)
            ),
        ],
        (Intent::OwnName, Some(caller)) => vec![
            format!("{caller} 님이라고 하셨잖아요. 잘 기억하고 있어요."),
            format!("그걸 잊을 리가요. {caller} 님이시죠."),
            format!("제가 듣기로는 {caller} 님이에요. 맞나요?"),
        ],
        (Intent::OwnName | Intent::TellsName, _) => vec![
            "아직 이름을 듣지 못했어요. 알려 주시면 그렇게 부를게요.".to_owned(),
            "글쎄요, 아직 말해 주신 적이 없는걸요. 어떻게 불러 드릴까요?".to_owned(),
            format!("제 이름은 {}. 이제 이름을 알려 주실래요?", with(name, Is)),
        ],
        _ => vec![
            format!("제 이름은 {}.", with(name, Is)),
            format!("저는 {} 해요. 편하게 불러 주세요.", with(name, Called)),
            format!("사람들은 저를 {} 불러요.", with(name, Called)),
            format!("{name}, 그게 제 이름이에요. 한번 불러 봐 주실래요?"),
        ],
    }
}

fn feelings(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    match scene.heard.intent {
        Intent::Sad => vec![
            "많이 힘드셨겠어요. 여기서는 애써 괜찮은 척하지 않아도 돼요. 무슨 일이 있었어요?".to_owned(),
            format!(
                "그런 날이 있죠. {} 곁에서 가만히 들을게요. 말하고 싶은 만큼만 말해 주세요.",
                with(name, Subject)
            ),
            "마음이 무거울 때는 작은 것부터 챙겨 봐요. 따뜻한 물 한 잔은 어때요? 그러고 나서 천천히 들려주세요."
                .to_owned(),
            "눈물이 나면 울어도 괜찮아요. 다 지나간 뒤에 남는 것도 있더라고요. 지금 제일 무거운 건 뭐예요?"
                .to_owned(),
        ],
        Intent::Afraid => vec![
            "불안할 때는 숨을 길게 내쉬는 것부터 해 봐요. 무엇이 제일 걱정되세요?".to_owned(),
            "겁이 나는 건 그만큼 소중한 일이라는 뜻이기도 해요. 어떤 일인지 들려주실래요?".to_owned(),
            format!("{name}도 처음 하는 일 앞에서는 늘 떨려요. 지금 할 수 있는 가장 작은 준비는 뭘까요?"),
        ],
        Intent::Angry => vec![
            "화가 날 만했네요. 누구라도 그랬을 거예요. 어떤 일이었는지 말해 주세요.".to_owned(),
            "속에 담아 두면 더 커지니까 여기에 다 쏟아 놓고 가세요. 제가 다 들을게요.".to_owned(),
            "잠깐 창문을 열고 바람을 쐬면 어때요? 그러고 나서 무엇이 제일 억울했는지 들려주세요.".to_owned(),
        ],
        Intent::Love => vec![
            format!("그런 말을 들으면 {} 어쩔 줄을 모르겠어요. 고마워요.", with(name, Topic)),
            "마음을 나눠 줘서 고마워요. 그 말은 아껴 두었다가 힘든 날 꺼내 볼게요.".to_owned(),
            "저도 이 시간이 참 좋아요. 오늘은 어떤 점이 그렇게 좋았어요?".to_owned(),
        ],
        _ => vec![
            "와, 듣기만 해도 저까지 기분이 좋아져요!".to_owned(),
            format!("정말 잘됐어요. {} 크게 손뼉을 쳐 드릴게요.", with(name, Subject)),
            "좋은 일은 여러 번 말할수록 더 커진대요.".to_owned(),
            "그 기쁨을 나눠 줘서 고마워요.".to_owned(),
        ],
    }
}

fn questions(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    let Some(topic) = &scene.heard.topic else {
        return vec![
            format!(
                "좋은 질문이에요. {} 아직 배우는 중이라 함께 생각해 보고 싶어요.",
                with(name, Topic)
            ),
            "글쎄요, 저라면 서두르지 않고 가장 작은 것부터 살펴볼 것 같아요. 어떻게 생각하세요?"
                .to_owned(),
            "그 질문에는 답이 하나만 있을 것 같지 않아요. 먼저 떠오르는 답은 뭐예요?".to_owned(),
            "음, 답을 드리기 전에 하나만 여쭤볼게요. 왜 그게 궁금해지셨어요?".to_owned(),
        ];
    };
    vec![
        format!(
            "{}… 쉽게 답하기 어려운 질문이네요. 저는 데모라서 아는 척은 못 하지만, 함께 생각해 볼 수는 있어요.",
            quoted(topic, If)
        ),
        format!(
            "{} 보는 사람에 따라 다르게 보이는 것 같아요. 어떻게 보고 계세요?",
            quoted(topic, Topic)
        ),
        format!(
            "{} 두고 {name}도 한참 생각한 적이 있어요. 아직 답을 찾는 중이에요.",
            quoted(topic, Object)
        ),
        format!(
            "이야기가 {} 흘러가는군요. 저라면 가장 작은 것부터 살펴볼 것 같아요.",
            quoted(topic, Toward)
        ),
        format!(
            "{} 궁금하셨군요. 먼저 떠오르는 답은 뭐예요?",
            quoted(topic, Subject)
        ),
    ]
}

fn statements(scene: &Scene<'_>) -> Vec<String> {
    let name = scene.name;
    let Some(topic) = &scene.heard.topic else {
        return vec![
            "그렇군요. 고개를 끄덕이며 듣고 있어요.".to_owned(),
            format!("{} 그 말을 곰곰이 되새기고 있어요.", with(name, Topic)),
            "아하, 그런 일이 있었군요.".to_owned(),
            "말해 줘서 고마워요. 어떤 마음이었을지 그려 보고 있어요.".to_owned(),
            "음, 듣다 보니 저도 떠오르는 장면이 있어요.".to_owned(),
        ];
    };
    vec![
        format!("{} 말이 귀에 남네요.", quoted(topic, Named)),
        format!(
            "{} 먼저 꺼내 주셔서 좋아요. {name}도 관심이 많거든요.",
            quoted(topic, Object)
        ),
        format!("요즘 {} 마음에 있으신가 봐요.", quoted(topic, Subject)),
        format!(
            "{} 얽힌 이야기라면 얼마든지 들을 수 있어요.",
            quoted(topic, With)
        ),
        format!(
            "그렇군요, {}! {} 처음 듣는 이야기예요.",
            quoted(topic, Called)
                .trim_end_matches("이라고")
                .trim_end_matches("라고"),
            with(name, Subject)
        ),
    ]
}

fn story(scene: &Scene<'_>, picker: &mut Picker) -> String {
    let name = scene.name;
    let mut openings = vec![
        format!(
            "좋아요. {} 아끼는 이야기를 하나 들려드릴게요.",
            with(name, Subject)
        ),
        "이야기라면 언제나 환영이에요. 편히 앉아서 들어 보세요.".to_owned(),
        format!(
            "마침 떠오르는 이야기가 있어요. {} 오래전에 들은 이야기예요.",
            with(name, Subject)
        ),
    ];
    if let Some(topic) = &scene.heard.topic {
        openings = vec![
            format!(
                "{} 하시니 떠오르는 이야기가 있어요. 들어 보세요.",
                quoted(topic, Called)
            ),
            format!(
                "‘{topic}’에 꼭 맞는 이야기인지는 모르겠지만, {} 들려드릴게요.",
                with(name, Subject)
            ),
        ];
    }
    let closings = vec![
        "이야기는 여기까지예요. 마음에 남는 장면이 있었나요?".to_owned(),
        format!(
            "여기서 끝이에요. {} 이 이야기를 떠올릴 때마다 조금 용감해져요.",
            with(name, Topic)
        ),
        "자, 이다음은 함께 이어서 지어 볼까요?".to_owned(),
    ];
    let opening = picker.pick(openings);
    let body = picker.pick(STORIES);
    format!("{opening}\n\n{body}\n\n{}", picker.pick(closings))
}

/// Each of 60 words at least.
const STORIES: [&str; 5] = [
    "바닷가 끝에 아주 작은 등대가 있었어요. 등대지기는 밤마다 불을 켰지만, 그 앞을 지나는 배는 십 년 동안 한 척도 없었지요. 마을 사람들은 기름이 아깝다며 불을 끄라고 했어요. 그래도 등대지기는 하루도 거르지 않았어요. “누군가 길을 잃는 밤은 아무도 미리 알려 주지 않으니까요.”\n\n어느 겨울, 안개가 온 바다를 덮은 밤이었어요. 돛이 찢어진 작은 배 한 척이 그 불빛을 보고 가까스로 포구에 들어왔어요. 배에는 겁에 질린 아이 하나가 타고 있었지요. 아이는 젖은 손으로 등대의 벽을 어루만지며 물었어요. “이 불은 언제부터 켜져 있었어요?” 등대지기는 웃으며 대답했어요. “네가 오기 십 년 전부터, 바로 너를 위해서.”",
    "비가 자주 오는 숲에 우산을 파는 여우가 살았어요. 여우는 우산을 아주 튼튼하게 만들었지만 값은 이상하게 매겼지요. 돈 대신 비 오는 날의 기억을 하나씩 받았거든요. 다람쥐는 도토리를 몽땅 적신 날을, 두더지는 집에 물이 차서 이웃집에서 자던 밤을 이야기하고 우산을 받아 갔어요.\n\n어느 날 온몸이 젖은 어린 곰이 찾아왔어요. 곰은 아무리 생각해도 비에 얽힌 기억이 없다며 고개를 숙였어요. 여우는 말없이 우산 하나를 펴서 곰의 손에 쥐여 주고, 함께 숲길을 걸어 집까지 데려다주었어요. 헤어질 때 여우가 말했어요. “값은 이제 받았구나. 다음에 비가 오면, 오늘을 떠올리렴.” 그 뒤로 곰은 비가 오는 날을 가장 좋아하게 되었답니다.",
    "옛날 어느 마을에 늘 오 분씩 늦게 가는 시계만 만드는 할아버지가 있었어요. 사람들은 처음에 솜씨가 없다고 흉을 보았지요. 그런데 이상하게도 할아버지의 시계를 산 집에서는 다투는 소리가 줄어들었어요. 떠나는 사람은 오 분 더 머물렀고, 화난 사람은 오 분 더 생각했고, 헤어지는 친구들은 오 분 더 손을 흔들었거든요.\n\n할아버지가 세상을 떠난 뒤에 제자가 시계를 모두 제대로 고치려고 했어요. 그러자 온 마을 사람이 시계를 품에 안고 달려와 손사래를 쳤답니다. “고치지 마세요. 이건 늦는 게 아니라 기다려 주는 거예요.” 지금도 그 마을의 종탑은 정오가 되면 오 분을 가만히 기다렸다가, 그제야 느긋하게 종을 울린다고 해요.",
    "높은 산 아래 사는 아이가 밤마다 떨어지는 별을 주웠어요. 별은 손에 닿으면 따뜻했지만 아침이 되면 작은 돌멩이로 변했지요. 친구들은 그냥 돌이라며 놀렸지만, 아이는 하나도 버리지 않고 주머니에 모았어요. 주머니는 나날이 무거워졌고, 아이는 그 무게만큼 천천히 걷게 되었어요.\n\n그러던 어느 날, 마을의 불씨가 모두 꺼지는 긴 밤이 찾아왔어요. 아무것도 보이지 않아 다들 문밖으로 한 걸음도 나가지 못했지요. 아이는 주머니를 열어 돌멩이를 길에 하나씩 놓았어요. 그러자 돌들이 어둠 속에서 희미하게 빛나기 시작했어요. 사람들은 그 빛을 따라 서로의 집을 찾아갔고, 함께 모여 아침을 기다렸어요. 별은 사라진 적이 없었어요. 다만 가장 어두운 밤을 기다리고 있었을 뿐이에요.",
    "어느 오래된 찻집에 말을 하지 않는 손님이 매일 찾아왔어요. 손님은 늘 창가에 앉아 찻잔 두 개를 시키고, 하나는 맞은편 빈자리에 놓아두었지요. 주인은 한 번도 까닭을 묻지 않았어요. 다만 빈자리의 차가 식으면 조용히 새 차로 바꿔 주었을 뿐이에요.\n\n첫눈이 내리던 날, 낯선 사람이 문을 열고 들어와 두리번거렸어요. 그 사람은 창가의 빈자리 앞에 멈춰 서더니, 김이 피어오르는 찻잔을 보고 눈을 크게 떴지요. “아직도 따뜻하네.” 그 한마디에 말이 없던 손님이 처음으로 웃으며 대답했어요. “네가 언제 올지 몰라서, 매일 새로 따랐어.” 주인은 아무 말 없이 찻물을 다시 올렸어요. 그날 찻집은 아주 늦게까지 문을 닫지 않았답니다.",
];
