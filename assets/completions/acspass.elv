# Completion of acspass for Elvish.

use str

set edit:completion:arg-completer[acspass] = {|@words|
    var index = (- (count $words) 1)
    e:acspass __complete $index -- $@words 2>/dev/null | from-lines | each {|line|
        var parts = [(str:split "\t" $line)]
        if (==s $parts[0] '') {
            edit:complete-filename $@words
        } elif (== (count $parts) 1) {
            put $parts[0]
        } else {
            edit:complex-candidate $parts[0] &display=$parts[0]' ('$parts[1]')'
        }
    }
}
