# Runs `install` of a formula of Homebrew in an unpacked archive, with stand-ins for Homebrew's folders, and
# prints each file that it installs. A file that the archive lacks is an error.
#
#   ruby formula.rb FORMULA ARCHIVE_FOLDER

class Folder
  def initialize(name)
    @name = name
  end

  def install(*files)
    files = files.flatten
    abort "nothing is installed to #{@name}" if files.empty?
    files.each do |file|
      abort "#{file} for #{@name} is not in the archive" unless File.file?(file)
      puts "#{@name} #{file}"
    end
  end
end

class Formula
  FIELDS = %i[desc homepage version license url sha256 run keep_alive].freeze
  BLOCKS = %i[on_macos on_linux on_arm on_intel service test].freeze
  FOLDERS = %i[bin man1 bash_completion zsh_completion fish_completion doc opt_bin].freeze

  class << self
    FIELDS.each { |name| define_method(name) { |*| nil } }
    BLOCKS.each { |name| define_method(name) { |&block| class_eval(&block) unless name == :test } }
    def opt_bin = "bin/"
  end
  FOLDERS.each { |name| define_method(name) { Folder.new(name) } }
end

class String
  alias / +
end

load ARGV[0]
Dir.chdir(ARGV[1]) { Acspass.new.install }
