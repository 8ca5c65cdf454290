# Completion of acspass for bash 3.2 and newer.

_acspass() {
    local IFS=$' \t\n'
    local rest=${COMP_LINE:0:COMP_POINT} place last word line current breaks='' prefix='' quote=''
    local -a words
    words=("${COMP_WORDS[0]}")
    COMPREPLY=()

    # bash splits words at `@`, `:` and `=`. Without a space in the line, parts are one word.
    rest=${rest#*"$words"}
    for ((place = 1; place <= COMP_CWORD; place++)); do
        last=$((${#words[@]} - 1))
        word=${COMP_WORDS[place]-}
        line=${rest#"${rest%%[![:space:]]*}"}
        # A word ends at the cursor.
        [[ $place -eq $COMP_CWORD && $word == "$line"* ]] && word=$line
        if [[ $line == "$rest" && $line == "$word"* ]]; then
            words[last]=${words[last]}$word
        else
            words[last + 1]=$word
        fi
        rest=${line#"$word"}
    done
    last=$((${#words[@]} - 1))

    # The shell closes a quotation, and replaces only the text after the last break; `@` with it.
    current=${words[last]}
    case $current in
        [\"\']*) quote=yes current=${current#?} ;;
    esac
    for word in @ : =; do
        case $COMP_WORDBREAKS in *"$word"*) breaks=$breaks$word ;; esac
    done
    if [[ -z $quote && -n $breaks ]]; then
        prefix=${current%"${current##*[$breaks]}"}
        prefix=${prefix%@}
    fi
    for ((place = 0; place < last; place++)); do
        words[place]=${words[place]//[\"\'\\]/}
    done
    words[last]=$current

    while IFS= read -r line; do
        word=${line%%$'\t'*}
        if [[ -n $word ]]; then
            COMPREPLY[${#COMPREPLY[@]}]=${word#"$prefix"}
            continue
        fi
        case ${line#*$'\t'} in
            files) word=-f ;;
            folders) word=-d ;;
            commands) word=-c ;;
            *) continue ;;
        esac
        [[ $word == -c ]] || compopt -o filenames 2>/dev/null
        while IFS= read -r line; do
            COMPREPLY[${#COMPREPLY[@]}]=$line
        done < <(compgen "$word" -- "${current#"$prefix"}")
    done < <(command acspass __complete "$last" -- "${words[@]}" 2>/dev/null)
}

complete -o nosort -F _acspass acspass 2>/dev/null || complete -F _acspass acspass
