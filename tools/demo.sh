#!/usr/bin/env bash
# Fine-tunes a small real model on SQuAD and shows what it learnt: about five minutes of training after the build.
#   tools/demo.sh            as many steps as fit in about 5 minutes on this CPU (200 steps to one epoch)
#   tools/demo.sh --fast     a few steps, to see that everything works: under a minute
# Installs missing packages (tools/setup.sh), builds, fetches the model once (tools/fetch_demo_model.sh).
set -euo pipefail
cd "$(dirname "$0")/.."

fast=false
case "${1:-}" in
  "") ;;
  --fast) fast=true ;;
  *) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac

readonly TILEFIT=build/release/tilefit DATA=data/squad-sample OUT=out/demo BATCH=16 BUDGET_S=300 MIN_STEPS=200

say() { printf '\n%s\n' "$*"; }

# field JSON NAME: the value of one key of a JSON object.
field() { python3 -c 'import json,sys; print(json.loads(sys.argv[1])[sys.argv[2]])' "$1" "$2"; }

say "1. Build"
make --no-print-directory build
"$TILEFIT" --version

say "2. Model and data"
model=$(tools/fetch_demo_model.sh)
read -r train_questions dev_questions < <(python3 tools/demo_questions.py count "$DATA")
epoch_steps=$(((train_questions + BATCH - 1) / BATCH))
echo "model   $model (Apache-2.0)"
echo "data    $DATA: $train_questions questions to train on, $dev_questions to test on (SQuAD 1.1, CC BY-SA 4.0)"

say "3. Plan"
arguments=()
if $fast; then
  steps=8
  arguments=(--max_train_samples 128 --max_eval_samples 32)
  echo "fast run: $steps steps and 32 test questions; too few to learn anything, enough to see every part at work"
else
  step_s=$(field "$("$TILEFIT" bench step --config minilm-l6 --lengths squad --batch_size $BATCH --steps 3 --json)" step_s)
  steps=$(awk -v s="$step_s" -v b=$BUDGET_S -v lo=$MIN_STEPS -v hi="$epoch_steps" \
    'BEGIN { n = int(b / s); if (n < lo) n = lo; if (n > hi) n = hi; print n }')
  awk -v s="$step_s" -v n="$steps" -v b=$BATCH 'BEGIN {
    printf "one step of %d examples takes %.2f s on this CPU: %d steps, about %.1f minutes\n", b, s, n, n * s / 60 }'
  echo "what to expect: after 200 steps PyTorch's F1 is between 51 and 54 (two selections of 500 test questions); an untrained"
  echo "head gives about 5."
fi

say "4. Train and evaluate"
command=("$TILEFIT" run_qa --model_name_or_path "$model"
  --train_file "$DATA/train-v1.1-sample.json.gz" --validation_file "$DATA/dev-v1.1-sample.json.gz" --do_train --do_eval
  --per_device_train_batch_size $BATCH --learning_rate 1e-4 --dropout 0 --max_steps "$steps" ${arguments[@]+"${arguments[@]}"}
  --output_dir "$OUT" --overwrite_output_dir)
echo "${command[*]}"
begin=$SECONDS
"${command[@]}"

say "5. Five answers"
python3 tools/demo_questions.py write "$DATA" "$OUT/five.jsonl"
"$TILEFIT" predict --model "$OUT" --input "$OUT/five.jsonl" --output json >"$OUT/five_answers.json"
python3 tools/demo_questions.py show "$DATA" "$OUT/five_answers.json"

say "6. Result"
results=$(cat "$OUT/eval_results.json")
printf 'exact match %.1f   F1 %.1f   after %d steps, %d s with evaluation\n' \
  "$(field "$results" eval_exact_match)" "$(field "$results" eval_f1)" "$steps" $((SECONDS - begin))
cat <<END
The model is in $OUT, as transformers writes one. To load it in Python:
  from transformers import AutoModelForQuestionAnswering, AutoTokenizer
  model, tokenizer = AutoModelForQuestionAnswering.from_pretrained("$OUT"), AutoTokenizer.from_pretrained("$OUT")
To ask it something else:
  $TILEFIT predict --model $OUT --question "..." --context "..."
END
